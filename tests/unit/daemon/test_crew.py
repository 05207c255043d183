import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paas.daemon.crew import PAUSE_SECONDS
from paas.running import running
from paas.settings import Settings
from tests.eventually import eventually

CREW = """
import sys, time
from pathlib import Path
from paas.daemon.crew import Crew, die_with_parent
from paas.running import note_self
from paas.settings import Settings
import signal

settings = Settings(directory=Path(sys.argv[1]), platform="test")

def become(queue, name):
    note_self(settings, name)
    if queue == "builds":  # busy: asked to end it goes on with its build
        signal.signal(signal.SIGTERM, lambda *_: die_with_parent(None))
        while not (settings.run / "built").exists():
            time.sleep(0.01)
    elif queue == "fails":
        raise ValueError("it cannot work")
    else:
        time.sleep(60)

Crew(dict(word.split("=") for word in sys.argv[2:]), become, left="builds").keep()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Settings:
    settings = Settings(directory=tmp_path, platform="test")
    (settings.run / "pids").mkdir(parents=True)
    return settings


@contextmanager
def crew(folder: Settings, *workers: str) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-c", CREW, str(folder.directory), *workers]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as parent:
        try:
            eventually(lambda: len(running(folder)) >= len(workers))
            yield parent
        finally:
            parent.kill()


def pids(folder: Settings) -> dict[str, int]:
    return {program.name: program.pid for program in running(folder)}


def test_every_worker_is_a_process_of_its_own(folder: Settings) -> None:
    with crew(folder, "converge-1=converge", "upkeep-1=upkeep") as parent:
        found = pids(folder)

    assert set(found) == {"converge-1", "upkeep-1"}
    assert len({parent.pid, *found.values()}) == 3


def test_a_killed_worker_is_back_within_a_second_and_a_bit(folder: Settings) -> None:
    with crew(folder, "converge-1=converge", "converge-2=converge"):
        before = pids(folder)
        time.sleep(1)

        os.kill(before["converge-1"], signal.SIGKILL)

        eventually(lambda: pids(folder).get("converge-1") not in (None, before["converge-1"]))
        assert pids(folder)["converge-2"] == before["converge-2"]


def test_workers_die_with_their_parent(folder: Settings) -> None:
    with crew(folder, "converge-1=converge", "builds-1=builds") as parent:
        parent.kill()

        eventually(lambda: not pids(folder))


def test_asked_to_end_the_parent_takes_its_idle_workers_along(folder: Settings) -> None:
    with crew(folder, "converge-1=converge", "upkeep-1=upkeep") as parent:
        parent.terminate()

        assert parent.wait(timeout=10) == 0
        assert pids(folder) == {}


def test_a_builder_finishes_its_build_beside_its_successor(folder: Settings) -> None:
    with crew(folder, "converge-1=converge", "builds-1=builds") as parent:
        old = pids(folder)["builds-1"]
        parent.terminate()
        parent.wait(timeout=10)
        with crew(folder, "converge-1=converge", "builds-1=builds"):
            eventually(lambda: len(pids(folder)) == 3)
            assert pids(folder)[f"builds-1.{old}"] == old

            (folder.run / "built").touch()

            eventually(lambda: f"builds-1.{old}" not in pids(folder))


def test_a_worker_that_fails_is_tried_again_and_not_without_a_pause(folder: Settings) -> None:
    argv = [sys.executable, "-c", CREW, str(folder.directory), "upkeep-1=fails"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stderr is not None
        failures = (line for line in parent.stderr if "ValueError: it cannot work" in line)
        next(failures)
        begin = time.monotonic()

        next(failures)

        assert time.monotonic() - begin > PAUSE_SECONDS / 2
        parent.kill()
