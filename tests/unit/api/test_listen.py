"""The API as a process of its own."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from paas.api.keys import key_of
from paas.api.listen import PortTaken, local_socket
from paas.model.app import AppName
from paas.model.person import PersonName
from paas.settings import Settings
from paas.store.apps import AppStore
from paas.store.database import Database
from paas.store.people import PeopleStore
from tests.eventually import eventually
from tests.make import NOW
from tests.unit.api.served import KEY, make_folders

pytestmark = pytest.mark.alone  # its processes take their time

PROGRAM = (
    "import sys; from pathlib import Path; from paas.settings import Settings; from paas.web import serve; "
    "serve(Settings.load(Path(sys.argv[1])))"
)


@contextmanager
def process(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    server = subprocess.Popen(
        [sys.executable, "-I", "-c", PROGRAM, str(settings.directory)], stderr=subprocess.PIPE
    )
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


@pytest.fixture
def folder(settings: Settings, record: Database, redis_server: Path) -> Settings:
    settings.redis_socket.symlink_to(redis_server)
    make_folders(settings)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    placed = Settings(directory=settings.directory, platform=settings.platform, api_port=port)
    placed.write()
    return placed


def test_it_listens_on_both_and_ends_in_peace_with_streams_open(
    folder: Settings, record: Database
) -> None:
    people = PeopleStore(record)
    people.add(PersonName("ana"), NOW, is_admin=True)
    token = people.give_token(PersonName("ana"), "test", NOW)
    AppStore(record).add("00000000-0000-4000-8000-000000000001", AppName("shop"), "ana", NOW)
    headers = {"Authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{folder.api_port}"
    ended: list[int] = []

    def tail() -> None:
        with httpx.stream(
            "GET", f"{url}/apps/shop/logs?tail=1", headers=headers, timeout=20
        ) as answer:
            answer.read()
            ended.append(answer.status_code)

    with process(folder) as server:
        eventually(folder.api_socket.exists, within=20)
        transport = httpx.HTTPTransport(uds=str(folder.api_socket))
        with httpx.Client(transport=transport, headers=headers) as client:
            by_socket = client.get("http://localhost/account")
        by_tcp = httpx.get(f"{url}/account", headers=headers)
        tails = [threading.Thread(target=tail) for _ in range(5)]
        for thread in tails:
            thread.start()
        time.sleep(0.5)
        begun = time.monotonic()
        server.send_signal(signal.SIGTERM)
        server.wait(10)
        seconds = time.monotonic() - begun
        for thread in tails:
            thread.join(5)
        said = server.stderr.read() if server.stderr else b""

    assert by_socket.json() == by_tcp.json()
    assert "server" not in by_tcp.headers
    assert seconds < 5
    assert ended == [200] * 5
    assert said == b""


def test_everybody_may_connect_to_the_socket(folder: Settings) -> None:
    before = os.umask(0o077)
    try:
        with process(folder):
            eventually(folder.api_socket.exists, within=20)
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.api_socket.stat().st_mode) == 0o666
    assert stat.S_IMODE(folder.api_socket.parent.stat().st_mode) == 0o755


def test_a_socket_that_a_killed_process_left_is_taken_over(folder: Settings) -> None:
    with process(folder) as first:
        eventually(folder.api_socket.exists, within=20)
        first.kill()
        first.wait()
    left = folder.api_socket.stat().st_ino
    with process(folder):
        eventually(lambda: folder.api_socket.stat().st_ino != left, within=20)
        transport = httpx.HTTPTransport(uds=str(folder.api_socket))
        with httpx.Client(transport=transport) as client:
            assert client.get("http://localhost/account").status_code == 401


def test_what_opens_the_door_is_written_before_it_listens(
    folder: Settings, record: Database
) -> None:
    people = PeopleStore(record)
    person = people.add(PersonName("ana"), NOW, is_admin=True)
    people.add_key(key_of(KEY, person, NOW))
    with process(folder):
        eventually(folder.api_socket.exists, within=20)

        (line,) = (folder.door / "authorized_keys").read_text().splitlines()
        door = Path(__file__).resolve().parents[3] / "paas" / "git" / "door.py"
        assert line.startswith(
            f'restrict,command="{sys.executable} -I -S {door} {folder.directory} SHA256:'
        )


def test_a_port_that_is_taken_is_named() -> None:
    taken = local_socket(0)
    port = taken.getsockname()[1]
    with taken, pytest.raises(PortTaken, match=f"127.0.0.1:{port}, the API's port"):
        local_socket(port)
