"""The routers that have yet to be let in, and those whose tunnel nobody closed: what the clock has tried again."""

from collections.abc import Sequence

from paas.engine.router_tunnels import is_open, known_routers
from paas.model.container import Container, Kind
from paas.model.host import LOCAL
from paas.scheduler.wake import wake
from paas.wire import CONVERGE, UPKEEP
from paas.wiring import Platform

AGAIN_SECONDS = 15.0


class Joining:
    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._tried = 0.0
        self._is_moving = True
        """As far as was seen."""

    def tick(self, now: float) -> None:
        """Each is tried every 15 s, and at once when the last that it does not reach has moved."""
        platform = self._platform
        routers = [router for router in platform.routers.all() if router.is_elsewhere]
        left = known_routers(platform.settings).keys() - {router.name for router in routers}
        if not routers and not left:
            return
        is_due = now - self._tried > AGAIN_SECONDS
        if not is_due and not self._is_moving:
            return
        moving = {row.dyno.app_id for row in out_of_reach(platform)}
        has_moved, self._is_moving = self._is_moving and not moving, bool(moving)
        if not is_due and not has_moved:
            return
        self._tried = now
        wake(moving - platform.wire.waiting(CONVERGE), platform)
        queued = platform.wire.waiting(UPKEEP)
        for router in routers:
            is_closed = not is_open(router.name, platform.settings)
            if is_closed and router.name not in queued:
                platform.wire.upkeep("register_router", router.name)
        for name in left - queued:
            platform.wire.upkeep("close_router", name)


def out_of_reach(platform: Platform) -> Sequence[Container]:
    """What may be in the route table, and no router on another machine reaches."""
    own = next((host for host in platform.hosts.all() if host.name == LOCAL), None)
    return [
        row
        for row in platform.containers.on(LOCAL)
        if own is not None
        and row.kind is Kind.DYNO
        and row.left_number is None
        and not row.is_within_reach(own)
    ]
