"""A worker: one RQ queue, one process, no fork. Whatever it works on may be killed at any line."""

import logging
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
from redis import Redis, RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from paas.daemon.crew import die_with_parent
from paas.jobs import begin_worker
from paas.settings import Settings
from paas.wire import BUILDS, CONVERGE, UPKEEP, Wire
from paas.wiring import connect_redis

LOG = logging.getLogger(__name__)
LONGEST_WAIT_SECONDS = 5.0
MAINTENANCE_SECONDS = 60
"""How often RQ looks for what dead workers left; what that was, converge finds out by itself."""


class Worker(SimpleWorker):
    """After a lost Redis it is back within seconds, not within RQ's minute."""

    max_connection_wait_time = LONGEST_WAIT_SECONDS
    log_result_lifespan = False
    is_asked_to_end = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.is_asked_to_end = True
        die_with_parent(None)  # from here on it ends by itself, when its job is done
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def work(settings: Settings, queue: str, name: str) -> None:
    """Returns when it is asked to end (SIGTERM), after the job at hand. A Redis that is away is waited for."""
    begin_worker(settings, name)
    raw = connect_redis(settings, decode=False)
    wire = Wire(connect_redis(settings), raw, settings.platform)
    for seconds in waits():
        if works_until_asked(wire, queue, name, raw):
            return
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(seconds)


def works_until_asked(wire: Wire, queue: str, name: str, raw: Redis) -> bool:
    """False: it ended by itself, for want of Redis."""
    worker = None
    try:
        # RQ refuses a name that a killed worker still bears; the leases of that one are `begin_worker`'s affair.
        worker = Worker(
            [wire.queue(queue)],
            name=f"{wire.queue_name(name)}-{secrets.token_hex(4)}",
            connection=raw,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_SECONDS,
        )
        worker.work(logging_level="WARNING")
    except RedisError as error:
        LOG.warning("Redis does not answer: %s", error)
    return worker is not None and worker.is_asked_to_end


def waits() -> Iterator[float]:
    """Seconds between tries: 0.1 doubled up to five."""
    seconds = 0.1
    while True:
        yield seconds
        seconds = min(2 * seconds, LONGEST_WAIT_SECONDS)


@click.command("work", hidden=True)
@click.argument("queue", type=click.Choice([CONVERGE, BUILDS, UPKEEP]))
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("name")
def command(queue: str, directory: Path, name: str) -> None:
    """Work on one queue; `workers` does so on all."""
    work(Settings.load(directory), queue, name)
