"""What the routers tell: which version of the table each has applied."""

import time

from paas.model.container import CRASHED, RETIRING, STOPPING
from paas.model.route import Ack
from paas.routes.publish import fill
from paas.scheduler.wake import wake
from paas.wiring import Platform

SILENCE_SECONDS = 2.0


def listen(platform: Platform) -> None:
    """For as long as Redis answers. Raises RedisError when it does not."""
    _catch_up(platform)
    for ack in platform.routes.listen_acks(SILENCE_SECONDS):
        if ack is None:
            _catch_up(platform)
        else:
            _note(ack, platform)


def _catch_up(platform: Platform) -> None:
    """What was said while nobody listened. An empty table is filled from the record."""
    if platform.routes.version() is None:
        fill(platform)
        wake([app.id for app in platform.apps.all()], platform)
    known = {router.name: (router.epoch, router.number) for router in platform.routers.all()}
    for name, ack in platform.routes.acknowledgements().items():
        if name in known and known[name] != (ack.epoch, ack.number):
            _note(ack, platform)


def _note(ack: Ack, platform: Platform) -> None:
    platform.routers.acknowledge(ack.router, ack.epoch, ack.number, time.time())
    wake(_waiting(platform), platform)


def _waiting(platform: Platform) -> set[str]:
    """The apps that wait for a router: to have switched, or to have let go."""
    leaving = platform.containers.in_states([RETIRING, CRASHED, STOPPING])
    return {row.dyno.app_id for row in leaving} | set(platform.apps.pending())
