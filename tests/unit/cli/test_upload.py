"""An upload over one connection: to its end, or until the server has said enough."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from paas.cli.address import Address
from paas.cli.client import ApiRefused, Client
from paas.cli.connection import BrokenOff, Connection
from tests.forge import Authority
from tests.unit.cli.api import TOKEN, Api, serve_tls

PIECES = [bytes([number]) * 65536 for number in range(64)]
REFUSAL = b'{"id": "invalid_params", "message": "It is larger than 1 MB."}'
ANSWER = b"HTTP/1.1 422 No\r\nContent-Length: %d\r\n\r\n%s" % (len(REFUSAL), REFUSAL)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Trusted by the command line."""
    made = Authority()
    made.write(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return made


@contextmanager
def a_server(
    serve: Callable[[socket.socket], None], context: ssl.SSLContext | None = None
) -> Iterator[Address]:
    """Of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with suppress(OSError):
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                serve(connection)
            connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        scheme = "http" if context is None else "https"
        yield Address.parse(f"{scheme}://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


def test_over_tls_all_of_it_arrives(authority: Authority, api: Api) -> None:
    api.returns("PUT /sources/s1", {})

    with (
        serve_tls(api, authority.context("127.0.0.1")) as url,
        closing(Client(Address.parse(url), TOKEN)) as client,
    ):
        client.upload("/sources/s1", iter(PIECES))

    (asked,) = api.asked
    assert asked.body == b"".join(PIECES)


@pytest.mark.parametrize("is_tls", [False, True])
def test_an_early_refusal_ends_it_and_is_heard(authority: Authority, is_tls: bool) -> None:
    sent = 0

    def refuse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(ANSWER)
        while connection.recv(65536):
            pass

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 10_000:
            sent += 1
            yield PIECES[0]

    context = authority.context("127.0.0.1") if is_tls else None
    with (
        a_server(refuse, context) as address,
        closing(Client(address, TOKEN)) as client,
        pytest.raises(ApiRefused, match="larger than 1 MB"),
    ):
        client.upload("/sources/s1", endless())

    assert sent < 10_000


def test_a_server_that_reads_no_more_is_one_error() -> None:
    is_over = threading.Event()

    def sit(_: socket.socket) -> None:
        is_over.wait(20)

    with a_server(sit) as address:
        with (
            closing(Connection(address.connect())) as connection,
            pytest.raises(BrokenOff, match="timed out"),
        ):
            connection.upload(
                "/sources/s1", {"Host": "x", "Transfer-Encoding": "chunked"}, iter(PIECES * 8), 0.2
            )
        is_over.set()


def test_a_connection_that_tls_finds_broken_is_one_error(authority: Authority) -> None:
    def leave(connection: socket.socket) -> None:
        connection.recv(65536)
        with socket.socket(fileno=connection.detach()) as bare:
            bare.sendall(b"this is no record of TLS" * 100)
            while bare.recv(65536):
                pass

    with (
        a_server(leave, authority.context("127.0.0.1")) as address,
        closing(Client(address, TOKEN)) as client,
        pytest.raises(BrokenOff, match="PUT /sources/s1"),
    ):
        client.upload("/sources/s1", iter(PIECES * 8))


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_server_that_hangs_up_without_a_word_is_one_error(
    authority: Authority, is_tls: bool
) -> None:
    def hang_up(connection: socket.socket) -> None:
        connection.recv(65536)
        with socket.socket(fileno=connection.detach()) as bare:
            bare.shutdown(socket.SHUT_WR)
            while bare.recv(65536):
                pass

    context = authority.context("127.0.0.1") if is_tls else None
    with (
        a_server(hang_up, context) as address,
        closing(Client(address, TOKEN)) as client,
        pytest.raises(BrokenOff, match="the server closed the connection"),
    ):
        client.upload("/sources/s1", iter(PIECES * 8))
