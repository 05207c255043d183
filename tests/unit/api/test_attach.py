import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from paas.model.container import ContainerSpec
from tests.engine import Does
from tests.eventually import eventually
from tests.unit.api.served import Served


def behaves(served: Served, does: Does) -> None:
    def behave(spec: ContainerSpec) -> Does:
        return does if spec.takes_input else Does()

    served.stage.engine.behave = behave


def begins(client: httpx.Client, **more: object) -> dict[str, str]:
    body = {"command": "cat", "attach": True, **more}
    answer = client.post("/apps/shop/dynos", json=body)
    assert answer.status_code == 201, answer.text
    dyno: dict[str, str] = answer.json()
    return dyno


@contextmanager
def attached(served: Served, url: str, **headers: str) -> Iterator[ClientConnection]:
    parts = urlsplit(url)
    target = f"ws://127.0.0.1:{served.platform.settings.api_port}{parts.path}?{parts.query}"
    with connect(target, additional_headers=headers, compression=None) as line:
        yield line


def last_word(line: ClientConnection) -> tuple[bytes, dict[str, int] | None]:
    """All that is printed, and how it ended."""
    printed, word = b"", None
    try:
        while True:
            message = line.recv(timeout=10)
            if isinstance(message, str):
                word = json.loads(message)
            else:
                printed += message
    except ConnectionClosed:
        return printed, word


def test_what_is_typed_arrives_and_what_is_printed_comes_back(served: Served) -> None:
    served.stage.deployed(web="serve")
    behaves(served, Does(echoes=True, exits=3))
    with served.by("ana") as client:
        dyno = begins(client, env={"TERM": "xterm", "LINES": "24", "COLUMNS": "80"})
        assert dyno["name"] not in served.stage.running()
        with attached(served, dyno["attach_url"]) as line:
            line.send(json.dumps({"resize": [40, 120]}))
            line.send(b"hello\n")
            assert line.recv(timeout=5) == b"got hello\n"
            assert client.get(f"/apps/shop/dynos/{dyno['name']}").json()["state"] == "up"
            line.send(json.dumps({"eof": True}))
            printed, word = last_word(line)

    assert (printed, word) == (b"", {"exit": 3})
    assert [row.dyno.name for row in served.stage.rows()] == ["web.1"]
    assert served.stage.running() == ["web.1"]


def test_who_leaves_ends_the_one_off(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        dyno = begins(client)
        with attached(served, dyno["attach_url"]):
            eventually(lambda: dyno["name"] in served.stage.running())

    eventually(lambda: served.stage.running() == ["web.1"])
    eventually(lambda: [row.dyno.name for row in served.stage.rows()] == ["web.1"])


def test_who_leaves_in_the_middle_of_much_output_ends_it_too(served: Served) -> None:
    served.stage.deployed(web="serve")
    behaves(served, Does(prints=tuple(f"line {number} {'x' * 5000}" for number in range(2000))))
    with served.by("ana") as client:
        dyno = begins(client)
        with suppress(ConnectionClosed), attached(served, dyno["attach_url"]) as line:
            assert line.recv(timeout=5)
            line.socket.shutdown(socket.SHUT_RDWR)

    eventually(lambda: served.stage.running() == ["web.1"])
    eventually(lambda: [row.dyno.name for row in served.stage.rows()] == ["web.1"])


def test_garbage_on_the_line_asks_for_nothing(served: Served) -> None:
    served.stage.deployed(web="serve")
    behaves(served, Does(echoes=True))
    with served.by("ana") as client, attached(served, begins(client)["attach_url"]) as line:
        for word in ("", "{", "[]", "1", '{"resize": "x"}', '{"resize": [1]}', '{"resize": [0, -1]}',
                     '{"resize": [1e9, 99999999]}', '{"eof": 1}', "[" * 100_000):  # fmt: skip
            line.send(word)
        line.send(b"still here\n")
        assert line.recv(timeout=5) == b"got still here\n"
    eventually(lambda: served.stage.running() == ["web.1"])


def test_an_engine_that_cannot_start_it_says_so_on_the_line(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        dyno = begins(client)
        served.stage.engine.world.lose("local")
        with attached(served, dyno["attach_url"]) as line:
            printed, word = last_word(line)

    assert b"The engine of host local does not answer" in printed
    assert word == {"exit": 126}
    assert [row.dyno.name for row in served.stage.rows()] == ["web.1"]


@pytest.mark.parametrize("name", ["nobody", "eve", "ben"])
def test_nobody_else_gets_at_a_terminal(served: Served, name: str) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        url = begins(client)["attach_url"].partition("?")[0]
    headers = {"Authorization": f"Bearer {served.tokens.get(name, 'x')}"}

    with pytest.raises(InvalidStatus) as refused, attached(served, url, **headers):
        pass

    assert refused.value.response.status_code in (401, 404)
    assert json.loads(refused.value.response.body)["id"] in ("unauthorized", "not_found")
    assert served.stage.running() == ["web.1"]


def test_a_terminal_is_anybodys_once(served: Served) -> None:
    served.stage.deployed(web="serve")
    with served.by("ana") as client:
        url = begins(client)["attach_url"]
        with attached(served, url), pytest.raises(InvalidStatus) as again, attached(served, url):
            pass

    assert again.value.response.status_code == 404
    eventually(lambda: served.stage.running() == ["web.1"])


def test_many_terminals_hold_up_nobody_else(served: Served) -> None:
    served.stage.deployed(web="serve")
    served.platform.hosts.note("local", memory_mb=10**6)
    leave = threading.Event()
    with served.by("ana") as client:
        urls = [begins(client)["attach_url"] for _ in range(45)]

        def sit(url: str) -> None:
            with attached(served, url):
                leave.wait(30)

        sitting = [threading.Thread(target=sit, args=(url,)) for url in urls]
        for thread in sitting:
            thread.start()
        try:
            eventually(lambda: len(served.stage.running()) == 46, within=20)
            begun = time.monotonic()
            assert client.get("/apps/shop/dynos").status_code == 200
            assert time.monotonic() - begun < 3
            for _ in range(5):
                begins(client)
            assert (
                client.post("/apps/shop/dynos", json={"command": "ls", "attach": True}).status_code
                == 503
            )
        finally:
            leave.set()
            for thread in sitting:
                thread.join()
    eventually(lambda: served.stage.running() == ["web.1"], within=20)
