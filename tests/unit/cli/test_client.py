import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from paas.api.git import RESTART_SECONDS
from paas.api.stored import ANSWER_SECONDS
from paas.cli.address import Address
from paas.cli.client import (
    STORED_SECONDS,
    Answer,
    ApiRefused,
    Client,
    InvalidName,
    NotUnderstood,
    path,
)
from paas.cli.connection import BrokenOff
from paas.cli.links import local
from tests.unit.cli.api import TOKEN, Api, Reply, refusal, serve_unix


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with closing(Client(Address.parse(url), TOKEN)) as client:
        yield client


@contextmanager
def a_server_that_says(data: bytes) -> Iterator[Client]:
    """Once, to whatever it is asked, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)

        thread = threading.Thread(target=answer)
        thread.start()
        address = Address.parse(f"http://127.0.0.1:{server.getsockname()[1]}")
        with closing(Client(address, TOKEN)) as client:
            yield client
        thread.join()


def test_a_request_says_who_asks_and_in_which_version(api: Api, client: Client) -> None:
    api.returns("PATCH /apps/shop/config-vars", {"A": "1"}, version=7)

    answer = client.patch(path("apps", "shop", "config-vars"), {"A": "1"})

    assert (answer.one(), answer.version) == ({"A": "1"}, 7)
    (asked,) = api.asked
    assert asked.body == {"A": "1"}
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["accept"] == "application/vnd.heroku+json; version=3"


def test_requests_follow_each_other_on_one_connection(api: Api, client: Client) -> None:
    api.returns("GET /apps", [])
    api.says("GET /apps/shop/log", Reply(stream=[b"a\n", b"b\n"]))

    client.get("/apps")
    first = client._connection
    lines = list(client.lines("/apps/shop/log"))
    client.get("/apps")

    assert lines == [b"a", b"b"]
    assert client._connection is first


def test_after_a_stream_that_was_left_the_next_request_gets_its_own_answer(
    api: Api, client: Client
) -> None:
    api.says("GET /log", Reply(stream=[b"1\n", b"2\n", b"3\n"]))
    api.returns("GET /apps", [{"name": "shop"}])

    assert next(client.lines("/log")) == b"1"

    assert client.get("/apps").many() == [{"name": "shop"}]


def test_an_api_on_a_socket_is_asked_likewise(api: Api, tmp_path: Path) -> None:
    api.returns("GET /account", {"name": "ada"})

    with (
        serve_unix(api, tmp_path / "s") as url,
        closing(Client(Address.parse(url), TOKEN)) as client,
    ):
        assert client.get("/account").one() == {"name": "ada"}


def test_a_refusal_carries_what_the_api_said(api: Api, client: Client) -> None:
    api.says("GET /apps/shop", refusal(404, "not_found", "There is no app 'shop'.\x1b[31m\nx"))

    with pytest.raises(ApiRefused) as refused:
        client.get("/apps/shop")

    assert (refused.value.status, refused.value.kind) == (404, "not_found")
    assert str(refused.value) == "There is no app 'shop'. x"


def test_a_refused_stream_is_known_at_once(api: Api, client: Client) -> None:
    with pytest.raises(ApiRefused, match="There is no GET /log"):
        client.stream("/log")


def test_a_fault_of_the_platform_names_the_request(api: Api, client: Client) -> None:
    api.says("GET /apps", Reply({"id": "x", "message": "It broke."}, 500, {"Request-Id": "r-17"}))

    with pytest.raises(ApiRefused, match=r"It broke\. \(request r-17\)"):
        client.get("/apps")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "peer closed connection"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "illegal chunk header"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", "illegal status line"),
    ],
)
def test_an_answer_that_ends_early_or_is_no_http_is_one_error(said: bytes, expected: str) -> None:
    with a_server_that_says(said) as client, pytest.raises(BrokenOff, match=expected):
        client.get("/apps")


def test_a_request_is_given_as_long_as_it_needs() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        closing(
            Client(Address.parse(f"http://127.0.0.1:{silent.getsockname()[1]}"), TOKEN)
        ) as client,
        pytest.raises(BrokenOff, match="POST /apps/shop/builds: timed out"),
    ):
        client.post("/apps/shop/builds", {"commit": "main"}, 0.1)


def test_the_api_gives_its_door_up_before_the_command_line_gives_up_the_api() -> None:
    assert STORED_SECONDS > ANSWER_SECONDS + RESTART_SECONDS


@pytest.mark.parametrize("said", [b"<html>", b"", b"\xff\xfe", b"{}", b"5", b"[1]", b"null"])
def test_an_answer_of_another_kind_is_one_error(said: bytes) -> None:
    with pytest.raises(NotUnderstood, match="Is it a platform of this version"):
        Answer({}, said).many()


def test_a_field_that_is_missing_is_named() -> None:
    account = Answer({}, b'{"id": "1"}').one()

    with pytest.raises(NotUnderstood, match="lacks 'name'"):
        account["name"]


@pytest.mark.parametrize("segment", ["", ".", "..", "a\nb", "a\0b", "\x1b[31m"])
def test_a_segment_cannot_leave_its_place(segment: str) -> None:
    with pytest.raises(InvalidName):
        path("apps", segment)


def test_what_a_url_keeps_for_itself_is_quoted() -> None:
    assert path("keys", "SHA256:a/b+c=") == "/keys/SHA256%3Aa%2Fb%2Bc%3D"
    assert path("domains", "*.example.com") == "/domains/%2A.example.com"
    assert path("apps", "a/../../people?x#y") == "/apps/a%2F..%2F..%2Fpeople%3Fx%23y"


def test_of_a_url_that_the_api_gave_only_the_path_is_used() -> None:
    here, below = Address.parse("/run/api.sock"), Address.parse("https://example.com/platform")

    assert local(here, "http://evil.example:80/logs/17?srv=1") == "/logs/17?srv=1"
    assert local(here, "/logs/17") == "/logs/17"
    assert local(below, "https://example.com/platform/logs/17") == "/logs/17"
