"""The process that waits, so that nothing else has to."""

import logging
import signal
import threading
from pathlib import Path

import click
from redis import RedisError

from paas.daemon.program_logs import shorten
from paas.daemon.start import what_is_wrong
from paas.scheduler.watch import Watch
from paas.settings import Settings
from paas.wiring import connect

SHORTEN_SECONDS = 60.0
LOOK_SECONDS = 1.0
log = logging.getLogger(__name__)


def watch(settings: Settings) -> None:
    """Until SIGTERM."""
    is_asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_asked_to_end.set())
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(message)s")
    following = Watch(connect(settings))
    following.start()
    is_redis_seen = False
    while not is_asked_to_end.wait(SHORTEN_SECONDS if is_redis_seen else LOOK_SECONDS):
        is_redis_seen = is_redis_seen or looks_at_redis(settings)
        shorten(settings)
    following.stop()


def looks_at_redis(settings: Settings) -> bool:
    """Notes what is wrong with it. False: it is not up yet."""
    try:
        for line in what_is_wrong(settings):
            log.warning("%s", line)
    except RedisError:
        return False
    return True


@click.command("watch", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Follow engines, routers and the clock; started by the supervisor."""
    watch(Settings.load(directory))
