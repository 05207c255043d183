"""/routers: those whose acknowledgement makes a change live. No request asks a machine: that is `upkeep`'s."""

import time
from collections.abc import Mapping
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field
from redis import RedisError

from paas.api.asked import CurrentPerson, CurrentPlatform
from paas.api.hosts import TunnelOut, programs_of
from paas.api.shapes import moment
from paas.engine.router_tunnels import tunnel_name
from paas.model.route import Ack
from paas.model.router import RegisteredRouter, UnknownRouter
from paas.routers.ask_key import begin_asking
from paas.routers.line import install_line
from paas.routers.progress import DOES, OVER, Progress, told
from paas.routers.register import begin_registration
from paas.routers.remove import remove
from paas.running import Running
from paas.wiring import Platform

router = APIRouter(tags=["routers"])


class RouterIn(BaseModel):
    name: Annotated[str, Field(max_length=200)]
    url: Annotated[str, Field(max_length=500)]
    """`ssh://USER@ADDRESS[:PORT]`"""
    host_key: Annotated[str, Field(max_length=2000)] | None = None
    """`SHA256:...`: the fingerprint that the key of its machine's sshd must have."""


class RouterUrlIn(BaseModel):
    url: Annotated[str, Field(max_length=500)]


class RouterOut(BaseModel):
    name: str
    address: str | None
    """None: it is on the platform's own machine, or was not looked at yet."""
    is_joining: bool
    """It has not said a word yet, and nobody waits for it."""
    number: int | None
    """Of the route table that it has acknowledged."""
    epoch: str | None
    registered_at: str
    acknowledged_at: str | None
    seen_at: str | None
    """When it last gave a sign of life."""
    haproxy: str | None
    """The version; None while its HAProxy does not answer."""
    tunnel: TunnelOut | None

    @classmethod
    def of(cls, router: RegisteredRouter, ack: Ack | None, programs: Mapping[str, Running]) -> Self:
        at = router.acknowledged_at
        return cls(
            name=router.name,
            address=router.address,
            is_joining=router.is_joining,
            number=router.number,
            epoch=router.epoch,
            registered_at=moment(router.registered_at),
            acknowledged_at=None if at is None else moment(at),
            seen_at=None if ack is None else moment(ack.at),
            haproxy=(ack.status.haproxy or None) if ack else None,
            tunnel=TunnelOut.of(tunnel_name(router.name), programs)
            if router.is_elsewhere
            else None,
        )


class RouterInFullOut(RouterOut):
    line: str | None = None
    """What root types on its machine, the password in it. For admins."""


class RouterProgressOut(BaseModel):
    router: str
    stage: str
    text: str
    """What that stage does."""
    fingerprint: str | None
    error: str | None
    waits_for: str | None
    is_over: bool

    @classmethod
    def of(cls, progress: Progress) -> Self:
        return cls(
            router=progress.router,
            stage=progress.stage,
            text=DOES[progress.stage],
            fingerprint=progress.fingerprint,
            error=progress.error,
            waits_for=progress.waits_for,
            is_over=progress.stage in OVER,
        )


@router.get("/routers")
def list_routers(platform: CurrentPlatform) -> list[RouterOut]:
    acks, programs = _acks(platform), programs_of(platform)
    return [RouterOut.of(each, acks.get(each.name), programs) for each in platform.routers.all()]


@router.get("/routers/{name}")
def show_router(name: str, person: CurrentPerson, platform: CurrentPlatform) -> RouterInFullOut:
    made = platform.routers.get(name)
    out = RouterInFullOut.of(made, _acks(platform).get(name), programs_of(platform))
    if person.is_admin and made.is_elsewhere:
        out.line = install_line(name, platform.settings)
    return out


@router.get("/routers/{name}/progress")
def show_progress(name: str, platform: CurrentPlatform) -> RouterProgressOut:
    """Of its registration; for an hour."""
    progress = told(name, platform.wire)
    if progress is None:
        raise UnknownRouter(name)
    return RouterProgressOut.of(progress)


@router.post("/routers", status_code=202)
def register_router(given: RouterIn, platform: CurrentPlatform) -> RouterOut:
    """The table reaches its machine when its progress says `done`; it counts when it has acknowledged one."""
    made = begin_registration(given.name, given.url, given.host_key, platform, time.time())
    return RouterOut.of(made, None, programs_of(platform))


@router.post("/routers/{name}/key", status_code=202)
def ask_router_key(name: str, given: RouterUrlIn, platform: CurrentPlatform) -> RouterProgressOut:
    """What the key of a machine is whose router may be registered under this name: in its progress."""
    return RouterProgressOut.of(begin_asking(name, given.url, platform))


@router.delete("/routers/{name}")
def remove_router(platform: CurrentPlatform, name: str) -> RouterOut:
    """Nobody waits for it any more. What waited is looked at again at once."""
    return RouterOut.of(remove(name, platform), None, {})


def _acks(platform: Platform) -> Mapping[str, Ack]:
    """Nothing, while Redis does not answer."""
    try:
        return platform.routes.acknowledgements()
    except RedisError:
        return {}
