import fcntl
import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from paas.daemon.init import UNFINISHED, init
from paas.daemon.run import AlreadyRunning, PortTaken, Unfinished, run, take_lock
from paas.settings import NotAPlatform, Settings
from paas.store.migrate import RecordTooNew
from tests.eventually import eventually


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return init(tmp_path / "p", http_port=port, bind_address="127.0.0.1")


def test_a_folder_without_a_platform_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAPlatform, match="Make one with: paasd init"):
        run(tmp_path)


def test_a_platform_that_was_never_finished_is_refused(settings: Settings) -> None:
    (settings.directory / UNFINISHED).touch()

    with pytest.raises(Unfinished):
        run(settings.directory)


def test_a_record_of_a_newer_program_is_refused_before_anything_is_ended(
    settings: Settings,
) -> None:
    with closing(sqlite3.connect(settings.record)) as record, record:
        record.execute("UPDATE alembic_version SET version_num = '9999'")
    note = "import sys; from pathlib import Path; from paas.settings import Settings; "
    note += "from paas.running import note_self; note_self(Settings.load(Path(sys.argv[1])), 'web'); sys.stdin.read()"
    argv = [sys.executable, "-c", note, str(settings.directory)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as web:
        eventually((settings.run / "pids" / "web").exists)

        with pytest.raises(RecordTooNew):
            run(settings.directory)

        assert web.poll() is None
        web.kill()


def test_one_supervisor_has_the_folder(settings: Settings) -> None:
    lock = take_lock(settings)

    with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        take_lock(settings)

    fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


def test_a_router_port_that_somebody_has_is_named(settings: Settings) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", settings.http_port))
        somebody.listen()

        with pytest.raises(PortTaken, match=f"port {settings.http_port} on 127.0.0.1"):
            run(settings.directory)
