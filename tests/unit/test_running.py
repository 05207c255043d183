import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paas.daemon import launch
from paas.running import Running, end, forget_ended, pid_file, running, started_once
from paas.settings import Settings

SLEEP = ("/bin/sleep", "60")
DEAF = ("/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(directory=tmp_path, platform="test")
    (settings.run / "pids").mkdir(parents=True)
    return settings


@contextmanager
def launched(settings: Settings, name: str, *argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program as the supervisor starts it, ended with the test."""
    files = [str(pid_file(settings, name)), str(settings.run / f"{name}.log")]
    command = [sys.executable, "-I", "-S", launch.__file__, *files, *argv]
    with subprocess.Popen(command) as process:
        while not running(settings):
            assert process.poll() is None
            time.sleep(0.005)
        try:
            yield process
        finally:
            process.kill()


def test_a_launched_program_is_found_by_its_name(settings: Settings) -> None:
    with launched(settings, "web", *SLEEP) as process:
        found = running(settings)

    assert [(program.name, program.pid) for program in found] == [("web", process.pid)]


def test_a_program_that_has_ended_is_not_found(settings: Settings) -> None:
    with launched(settings, "web", *SLEEP):
        pass

    assert running(settings) == []


def test_a_process_that_only_has_the_number_is_not_ours(settings: Settings) -> None:
    pid_file(settings, "web").write_text(f"{os.getpid()} 1\n")

    assert running(settings) == []


def test_a_program_that_outlives_its_successors_start_is_not_lost(settings: Settings) -> None:
    with launched(settings, "haproxy", *SLEEP) as old, launched(settings, "haproxy", *SLEEP) as new:
        while len(running(settings)) < 2:
            time.sleep(0.005)

        found = {program.name: program.pid for program in running(settings)}

        assert found == {"haproxy": new.pid, f"haproxy.{old.pid}": old.pid}


def test_what_is_gone_is_forgotten_and_what_lives_is_not(settings: Settings) -> None:
    pid_file(settings, "gone").write_text("4000000 1\n")
    with launched(settings, "web", *SLEEP):
        forget_ended(settings)

        assert started_once(settings) == ["web"]


def test_a_pid_file_that_cannot_be_read_names_nobody(settings: Settings) -> None:
    pid_file(settings, "web").write_text("")
    pid_file(settings, "watch").write_text("what?")

    assert running(settings) == []


def test_what_a_program_prints_is_kept_when_it_is_started_again(settings: Settings) -> None:
    for word in ("first", "second"):
        with launched(settings, "web", "/bin/sh", "-c", f"echo {word}; echo oops >&2; sleep 5"):
            time.sleep(0.2)

    assert (settings.run / "web.log").read_text() == "first\noops\nsecond\noops\n"


def test_a_long_log_is_put_aside_at_the_next_start(settings: Settings) -> None:
    (settings.run / "web.log").write_text("x" * (launch.LOG_LIMIT + 1))

    with launched(settings, "web", *SLEEP):
        time.sleep(0.2)

    assert (settings.run / "web.log").read_text() == ""
    assert len((settings.run / "web.log.1").read_text()) == launch.LOG_LIMIT + 1


def test_programs_are_asked_to_end_and_the_deaf_are_killed(settings: Settings) -> None:
    with launched(settings, "web", *SLEEP) as polite, launched(settings, "watch", *DEAF) as deaf:
        time.sleep(0.2)

        end(running(settings), grace_seconds=0.3)

        assert (polite.wait(), deaf.wait()) == (-15, -9)
    assert running(settings) == []


def test_to_end_a_program_that_is_gone_is_not_an_error() -> None:
    end([Running("web", 4_000_000, 1)])
