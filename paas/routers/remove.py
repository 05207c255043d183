"""Removes a router: nobody waits for it any more, and no table goes there."""

from contextlib import suppress

from paas.model.router import RegisteredRouter, UnknownRouter
from paas.routers.own_address import note_own_address
from paas.routers.progress import Progress, Stage
from paas.routers.reach import Reach
from paas.routers.register import let_in
from paas.scheduler.wake import wake
from paas.wiring import Platform


def remove(name: str, platform: Platform) -> RegisteredRouter:
    """What waited for it is looked at again at once; a job closes the way there. Raises UnknownRouter."""
    with platform.record.write():
        router = platform.routers.get(name)
        platform.routers.remove(name)
        note_own_address(platform.hosts, platform.routers)
    Progress(name, Stage.FAILED, error=f"Somebody has removed router {name}.").tell(platform.wire)
    if router.is_elsewhere:
        platform.wire.upkeep(
            "close_router", name
        )  # should the word be lost, the sweep finds its tunnel
    wake([app.id for app in platform.apps.all()], platform)
    return router


def close(name: str, platform: Platform, reach: Reach) -> None:
    """Its tunnel ends, its last word is forgotten, and no host lets it in. Safe to repeat.

    Raises NotRunning, SupervisorSilent, RedisError, or what kept a host from being told: `watch` will do that.
    """
    with suppress(UnknownRouter):
        platform.routers.get(name)
        return  # it was added anew
    reach.close(name, platform.settings)
    platform.routes.forget(name)
    let_in(platform)
