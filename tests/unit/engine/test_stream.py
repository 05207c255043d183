"""A request whose answer is a stream, against a socket that says what the test wants."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.engine.stream import Stream, StreamRefused


class Told:
    """A server for one request."""

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.heard = b""
        self._thread: threading.Thread | None = None

    def says(self, *parts: bytes, waits_for: int = 1) -> None:
        """Each part by itself, after it has heard so many bytes; then it closes."""

        def serve() -> None:
            peer, _ = self._listener.accept()
            with peer:
                while len(self.heard) < waits_for:
                    self.heard += peer.recv(65536)
                for part in parts:
                    peer.sendall(part)

        self._thread = threading.Thread(target=serve)
        self._thread.start()

    def end(self) -> None:
        self._listener.close()
        if self._thread is not None:
            self._thread.join()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Told]:
    told = Told(tmp_path / "engine.sock")
    yield told
    told.end()


def ask(engine: Told, seconds: float = 5, *, upgrade: bool = False) -> Stream:
    return Stream.open(engine.url, "POST", "/exec", {"Tty": False}, seconds, upgrade=upgrade)


def test_what_came_with_the_head_is_not_lost(engine: Told) -> None:
    engine.says(b"HTTP/1.0 200 OK\r\n\r\none", b"two")

    stream = ask(engine)

    assert b"".join(iter(stream.read, b"")) == b"onetwo"
    stream.close()


def test_the_request_carries_its_body(engine: Told) -> None:
    engine.says(b"HTTP/1.1 101 UPGRADED\r\n\r\n", waits_for=20)

    ask(engine, upgrade=True).close()

    head, _, body = engine.heard.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /exec HTTP/1.1\r\n")
    assert b"Upgrade: tcp" in head
    assert body == b'{"Tty": false}'


def test_an_error_is_the_engines_own_words(engine: Told) -> None:
    engine.says(b"HTTP/1.1 409 Conflict\r\n\r\n", b'{"message":"is not', b' running"}')

    with pytest.raises(StreamRefused) as refused:
        ask(engine)

    assert (refused.value.status, refused.value.why) == (409, "is not running")


def test_silence_can_be_told_from_the_end(engine: Told) -> None:
    engine.says(b"HTTP/1.0 200 OK\r\n\r\n", b"x")
    stream = ask(engine)

    assert stream.read(5) == b"x"
    assert stream.read(5) == b""
    stream.close()


@pytest.mark.parametrize(
    "answer", [b"", b"garbage\r\n\r\n", b"HTTP/1.0 200 OK\r\n", b"\0" * 70_000]
)
def test_an_answer_that_is_none_is_an_error(engine: Told, answer: bytes) -> None:
    engine.says(answer)

    with pytest.raises(OSError, match="engine"):
        ask(engine)


def test_an_address_that_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match="no engine"):
        Stream.open("ftp://nowhere", "GET", "/", None, 1, upgrade=False)


def test_closing_ends_a_read_that_waits(engine: Told) -> None:
    release = threading.Event()

    def serve() -> None:
        peer, _ = engine._listener.accept()
        with peer:
            peer.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            release.wait(10)

    server = threading.Thread(target=serve)
    server.start()
    stream = ask(engine)
    read: list[bytes | None] = []
    reader = threading.Thread(target=lambda: read.append(stream.read()))
    reader.start()

    assert stream.read(0.1) is None
    stream.close()

    reader.join(5)
    release.set()
    server.join()
    assert read == [b""]
