"""The process that waits, so that nothing else has to."""

import logging
import signal
import threading
from pathlib import Path

import click

from paas.daemon.program_logs import shorten
from paas.daemon.start import what_is_wrong
from paas.scheduler.watch import Watch
from paas.settings import Settings
from paas.wiring import connect

SHORTEN_SECONDS = 60.0
log = logging.getLogger(__name__)


def watch(settings: Settings) -> None:
    """Until SIGTERM."""
    is_asked_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_asked_to_end.set())
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(message)s")
    following = Watch(connect(settings))
    following.start()
    for line in what_is_wrong(settings):
        log.warning("%s", line)
    while not is_asked_to_end.wait(SHORTEN_SECONDS):
        shorten(settings)
    following.stop()


@click.command("watch", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Follow engines, routers and the clock; started by the supervisor."""
    watch(Settings.load(directory))
