"""What a web container is asked while it starts, and which answers are enough."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from paas.model.app_file import AppFile
from paas.model.container import Container
from paas.model.healthcheck import Healthcheck
from paas.releases.declared import Declared
from paas.scheduler.healthcheck import own_check
from paas.scheduler.probe import ask
from tests.make import make_container, make_dyno
from tests.unit.scheduler.stage import Stage

Server = Callable[[socket.socket], None]


@contextmanager
def listening(serve: Server) -> Iterator[Container]:
    """A container's row, and what serves one connection at its address."""

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield make_container(address="127.0.0.1", port=listener.getsockname()[1])
        thread.join(timeout=10)


def of(stage: Stage, row: Container) -> Container:
    return replace(row, dyno=make_dyno(app_id=stage.app.id))


def answers(text: str, heard: list[str] | None = None) -> Server:
    def serve(connection: socket.socket) -> None:
        asked = connection.recv(4096).decode()
        if heard is not None:
            heard.append(asked)
        connection.sendall(text.encode())

    return serve


def test_an_answer_of_any_kind_is_enough(stage: Stage) -> None:
    heard: list[str] = []
    with listening(answers("HTTP/1.1 501 Unsupported\r\n\r\n", heard)) as row:
        got, is_up = ask(of(stage, row), Healthcheck(), stage.platform)

    assert is_up
    assert got == f"accepted a connection on 127.0.0.1:{row.port} and answered HEAD / with 501"
    assert heard[0].startswith("HEAD / HTTP/1.1\r\n")
    assert "Host: shop.localhost\r\n" in heard[0]


def test_what_does_not_speak_http_has_answered_too(stage: Stage) -> None:
    with listening(answers("220 ready\r\n")) as row:
        got, is_up = ask(of(stage, row), Healthcheck(), stage.platform)

    assert (got, is_up) == (f"accepted a connection on 127.0.0.1:{row.port} and answered", True)


def test_who_thinks_for_long_has_accepted(stage: Stage) -> None:
    is_over = threading.Event()
    with listening(lambda _: is_over.wait(10) and None) as row:
        got, is_up = ask(of(stage, row), Healthcheck(seconds=0.2), stage.platform)
        is_over.set()

    assert is_up
    assert got == f"accepted a connection on 127.0.0.1:{row.port} and was silent for 0.2 s"


def test_a_connection_that_ends_without_an_answer_is_not_enough(stage: Stage) -> None:
    with listening(lambda connection: connection.recv(1) and None) as row:
        got, is_up = ask(of(stage, row), Healthcheck(), stage.platform)

    assert not is_up
    assert got == f"127.0.0.1:{row.port}: closed the connection without an answer"


def test_where_nobody_listens_is_named(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    row = make_container(address="127.0.0.1", port=port)
    got, is_up = ask(of(stage, row), Healthcheck(), stage.platform)

    assert (got, is_up) == (f"127.0.0.1:{port}: Connection refused", False)


@pytest.mark.parametrize(
    ("status", "is_enough"), [(204, True), (302, True), (404, False), (500, False)]
)
def test_a_path_that_is_set_must_answer_well(stage: Stage, status: int, is_enough: bool) -> None:
    heard: list[str] = []
    with listening(answers(f"HTTP/1.1 {status} x\r\n\r\n", heard)) as row:
        got, is_up = ask(of(stage, row), Healthcheck("/up"), stage.platform)

    assert (got, is_up) == (f"GET /up answered {status}", is_enough)
    assert "Host: shop.localhost\r\n" in heard[0]


@pytest.mark.parametrize(("body", "is_enough"), [("all is ready", True), ("not yet", False)])
def test_what_a_path_must_answer_is_looked_for(stage: Stage, body: str, is_enough: bool) -> None:
    with listening(answers(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}")) as row:
        got, is_up = ask(of(stage, row), Healthcheck("/up", content="ready"), stage.platform)

    assert is_up is is_enough
    assert got == "GET /up answered 200" + ("" if is_enough else " without 'ready'")


def test_who_answers_a_byte_at_a_time_keeps_nobody(stage: Stage) -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(4096)
        with suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    begun = time.monotonic()
    with listening(drip) as row:
        _, is_up = ask(of(stage, row), Healthcheck("/up", 0.2, "y"), stage.platform)

    assert not is_up
    assert time.monotonic() - begun < 3


def test_an_apps_own_check_counts_for_more_than_the_platforms(stage: Stage) -> None:
    settings = replace(stage.platform.settings, health_path="/platform")
    platform = replace(stage.platform, settings=settings)
    stage.releases()
    row = make_container(make_dyno(app_id=stage.app.id, release=1))
    assert own_check(row, platform) == Healthcheck("/platform")

    stage.releases_as(Declared(AppFile(healthcheck=Healthcheck("/app", 2.0, "ready"))))

    row = make_container(make_dyno(app_id=stage.app.id, release=2))
    assert own_check(row, platform) == Healthcheck("/app", 2.0, "ready")
