"""/hosts: the registered Docker engines, as they were last seen."""

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel

from paas.api.asked import CurrentPlatform
from paas.api.shapes import moment
from paas.model.host import Host

router = APIRouter(tags=["hosts"])


class HostOut(BaseModel):
    name: str
    arch: str
    health: str
    health_since: str
    health_reason: str | None
    schedulable: str
    memory_mb: int
    disk_free_mb: int
    engine_version: str
    seen_at: str | None

    @classmethod
    def of(cls, host: Host) -> Self:
        return cls(
            name=host.name,
            arch=host.arch,
            health=host.health,
            health_since=moment(host.health_since),
            health_reason=host.health_reason,
            schedulable=host.schedulable,
            memory_mb=host.memory_mb,
            disk_free_mb=host.disk_free_mb,
            engine_version=host.engine_version,
            seen_at=None if host.seen_at is None else moment(host.seen_at),
        )


@router.get("/hosts")
def list_hosts(platform: CurrentPlatform) -> list[HostOut]:
    return [HostOut.of(host) for host in platform.hosts.all()]
