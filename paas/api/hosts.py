"""/hosts: the registered Docker engines, as they were last seen. No request asks an engine: that is `upkeep`'s."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from paas.api.asked import CurrentPerson, CurrentPlatform
from paas.api.shapes import moment
from paas.engine.ssh import public_key
from paas.engine.tunnels import tunnel_name
from paas.hosts.ask_key import begin_asking
from paas.hosts.drain import drain, undrain
from paas.hosts.progress import DOES, OVER, Progress, told
from paas.hosts.register import begin_registration
from paas.hosts.remove import begin_removal
from paas.model.container import FILLS, Container
from paas.model.host import Host, UnknownHost
from paas.running import Running, running
from paas.scheduler.place import unreserved
from paas.wiring import Platform

router = APIRouter(tags=["hosts"])


class HostIn(BaseModel):
    name: Annotated[str, Field(max_length=200)]
    url: Annotated[str, Field(max_length=500)]
    """`ssh://USER@ADDRESS[:PORT][?socket=PATH]`"""
    host_key: Annotated[str, Field(max_length=2000)] | None = None
    """`SHA256:...`: the fingerprint that the key of its sshd must have."""


class HostUrlIn(BaseModel):
    url: Annotated[str, Field(max_length=500)]


class HostChangeIn(BaseModel):
    schedulable: Literal["open", "draining"]
    force: bool = False
    """What runs there is given up at once, whether it answers or not."""


class TunnelOut(BaseModel):
    state: Literal["up", "down"]
    """Whether its ssh runs. What it does for us shows in the host's health."""
    since: str | None

    @classmethod
    def of(cls, name: str, programs: Mapping[str, Running]) -> Self:
        """The program of that name."""
        program = programs.get(name)
        if program is None:
            return cls(state="down", since=None)
        return cls(state="up", since=moment(time.time() - program.seconds))


class HostOut(BaseModel):
    name: str
    address: str | None
    """Where routers reach what is published there; none where containers have their own addresses."""
    arch: str
    health: str
    health_since: str
    health_reason: str | None
    schedulable: str
    containers: int
    memory_mb: int
    memory_unreserved_mb: int
    disk_free_mb: int
    engine_version: str
    seen_at: str | None
    reached_at: str | None
    tunnel: TunnelOut | None

    @classmethod
    def of(
        cls, host: Host, rows: Sequence[Container], memory_mb: int, tunnel: TunnelOut | None
    ) -> Self:
        mine = [row for row in rows if row.host == host.name]
        return cls(
            name=host.name,
            address=host.address,
            arch=host.arch,
            health=host.health,
            health_since=moment(host.health_since),
            health_reason=host.health_reason,
            schedulable=host.schedulable,
            containers=len(mine),
            memory_mb=host.memory_mb,
            memory_unreserved_mb=max(unreserved([host], mine, memory_mb)[host.name], 0),
            disk_free_mb=host.disk_free_mb,
            engine_version=host.engine_version,
            seen_at=None if host.seen_at is None else moment(host.seen_at),
            reached_at=None if host.reached_at is None else moment(host.reached_at),
            tunnel=tunnel,
        )


class StayingOut(BaseModel):
    """What of an app is still there."""

    app: str
    dynos: list[str]
    blocked: str | None
    """Why it cannot be placed elsewhere."""


class HostInFullOut(HostOut):
    staying: list[StayingOut] = []
    """By app. For admins."""


class ProgressOut(BaseModel):
    host: str
    stage: str
    text: str
    """What that stage does."""
    fingerprint: str | None
    error: str | None
    is_over: bool

    @classmethod
    def of(cls, progress: Progress) -> Self:
        return cls(
            host=progress.host,
            stage=progress.stage,
            text=DOES[progress.stage],
            fingerprint=progress.fingerprint,
            error=progress.error,
            is_over=progress.stage in OVER,
        )


class HostKeyOut(BaseModel):
    public_key: str
    """The line for `authorized_keys` of the user who is to be logged in as."""


@router.get("/hosts")
def list_hosts(platform: CurrentPlatform) -> list[HostOut]:
    rows, tunnels = platform.containers.live(), programs_of(platform)
    memory_mb = platform.settings.memory_mb
    return [
        HostOut.of(host, rows, memory_mb, _tunnel(host, tunnels)) for host in platform.hosts.all()
    ]


@router.get("/hosts/key")
def show_key(platform: CurrentPlatform) -> HostKeyOut:
    return HostKeyOut(public_key=public_key(platform.settings))


@router.get("/hosts/{name}")
def show_host(name: str, person: CurrentPerson, platform: CurrentPlatform) -> HostInFullOut:
    return _in_full(platform.hosts.get(name), platform, is_admin=person.is_admin)


@router.get("/hosts/{name}/progress")
def show_progress(name: str, platform: CurrentPlatform) -> ProgressOut:
    """Of its registration or its removal, the later one; for an hour."""
    progress = told(name, platform.wire)
    if progress is None:
        raise UnknownHost(name)
    return ProgressOut.of(progress)


@router.post("/hosts", status_code=202)
def register_host(given: HostIn, platform: CurrentPlatform) -> HostInFullOut:
    """It takes containers when its progress says `done`."""
    host = begin_registration(given.name, given.url, given.host_key, platform, time.time())
    return _in_full(host, platform, is_admin=True)


@router.post("/hosts/{name}/key", status_code=202)
def ask_host_key(name: str, given: HostUrlIn, platform: CurrentPlatform) -> ProgressOut:
    """What the key of a machine is that may be registered under this name: in its progress, as `fingerprint`."""
    return ProgressOut.of(begin_asking(name, given.url, platform))


@router.patch("/hosts/{name}")
def change_host(
    name: str, given: HostChangeIn, person: CurrentPerson, platform: CurrentPlatform
) -> HostInFullOut:
    now = time.time()
    if given.schedulable == "draining":
        host = drain(name, person.name, platform, now, is_forced=given.force)
    else:
        host = undrain(name, platform, now)
    return _in_full(host, platform, is_admin=True)


@router.delete("/hosts/{name}", status_code=202)
def remove_host(name: str, platform: CurrentPlatform, lost: bool = False) -> HostInFullOut:
    """`lost`: it will not come back, and whatever it ran is given up."""
    host = begin_removal(name, platform, is_lost=lost)
    return _in_full(host, platform, is_admin=True)


def _in_full(host: Host, platform: Platform, *, is_admin: bool) -> HostInFullOut:
    rows = platform.containers.on(host.name)
    tunnel = _tunnel(host, programs_of(platform))
    out = HostInFullOut.of(host, rows, platform.settings.memory_mb, tunnel)
    if is_admin:
        out.staying = _staying(rows, platform)
    return out


def _staying(rows: Sequence[Container], platform: Platform) -> list[StayingOut]:
    dynos: dict[str, list[str]] = {}
    for row in rows:
        if row.state in FILLS:
            dynos.setdefault(row.dyno.app_id, []).append(row.dyno.name)
    apps = {app_id: platform.apps.get(app_id) for app_id in dynos}
    return [
        StayingOut(app=apps[app_id].name, dynos=sorted(names), blocked=apps[app_id].blocked)
        for app_id, names in sorted(dynos.items(), key=lambda item: apps[item[0]].name)
    ]


def programs_of(platform: Platform) -> Mapping[str, Running]:
    """By name."""
    return {program.name: program for program in running(platform.settings)}


def _tunnel(host: Host, programs: Mapping[str, Running]) -> TunnelOut | None:
    return None if host.ssh_url is None else TunnelOut.of(tunnel_name(host.name), programs)
