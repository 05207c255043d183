import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paas.daemon.init import init
from paas.settings import Settings
from paas.wire import UPKEEP, Wire
from paas.wiring import connect_redis
from tests.eventually import eventually

pytestmark = pytest.mark.alone  # its processes take their time


@pytest.fixture
def platform(tmp_path: Path) -> Settings:
    return init(tmp_path / "p")


@contextmanager
def redis(settings: Settings) -> Iterator[None]:
    """A server at the platform's socket."""
    password = (settings.keys / "redis.paas").read_text().strip()
    user = ["paas", "on", f">{password}", "~*", "&*", "+@all"]
    argv = ["redis-server", "--port", "0", "--unixsocket", str(settings.redis_socket), "--save", ""]
    with subprocess.Popen([*argv, "--user", *user], stdout=subprocess.DEVNULL) as server:
        eventually(settings.redis_socket.exists)
        try:
            yield
        finally:
            server.kill()


@contextmanager
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "paas.serve", "work", UPKEEP, str(settings.directory), "upkeep-1"]
    with subprocess.Popen(argv) as process:
        try:
            yield process
        finally:
            process.kill()


def wire(settings: Settings) -> Wire:
    raw = connect_redis(settings, decode=False)
    return Wire(connect_redis(settings), raw, settings.platform)


def is_idle(settings: Settings) -> bool:
    queue = wire(settings).queue(UPKEEP)
    return queue.count == 0 and queue.started_job_registry.count == 0


def test_a_worker_does_what_is_queued_and_ends_when_it_is_asked_to(platform: Settings) -> None:
    with redis(platform), worker(platform) as process:
        wire(platform).upkeep("tidy_all")
        eventually(lambda: is_idle(platform), within=20)

        process.terminate()

        assert process.wait(timeout=10) == 0


def test_a_worker_waits_for_a_redis_that_is_away(platform: Settings) -> None:
    with worker(platform) as process:
        with redis(platform):
            wire(platform).upkeep("tidy_all")
            eventually(lambda: is_idle(platform), within=20)
        os.kill(process.pid, 0)

        with redis(platform):
            wire(platform).upkeep("tidy_all")

            eventually(lambda: is_idle(platform), within=20)
        assert process.poll() is None


def test_a_worker_that_is_asked_to_end_ends_also_when_redis_has_gone(platform: Settings) -> None:
    with worker(platform) as process:
        with redis(platform):
            wire(platform).upkeep("tidy_all")
            eventually(lambda: is_idle(platform), within=20)

        process.terminate()

        assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def test_a_killed_worker_does_not_keep_its_successor_from_its_name(platform: Settings) -> None:
    with redis(platform):
        with worker(platform) as first:
            wire(platform).upkeep("tidy_all")
            eventually(lambda: is_idle(platform), within=20)
            first.send_signal(signal.SIGKILL)

        with worker(platform):
            wire(platform).upkeep("tidy_all")

            eventually(lambda: is_idle(platform), within=20)


def test_what_a_worker_cannot_do_does_not_end_it(platform: Settings) -> None:
    with redis(platform), worker(platform) as process:
        wire(platform).upkeep("no_such_job")
        wire(platform).upkeep("tidy_all")

        eventually(lambda: is_idle(platform), within=20)

        assert process.poll() is None
