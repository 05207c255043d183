"""One HTTP request over a unix socket, and its answer as it comes.

The standard library's client does this too. Importing it costs door and hook 25 ms each, half of all they take, for
mail headers and TLS.
"""

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

LINE_LIMIT = 16 * 1024
HEADERS_LIMIT = 100
CHUNK = 64 * 1024


class BrokenOff(ConnectionError):
    """What came is not a whole answer."""


class Answer:
    """To be closed, also when it was not read."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")
        self.status, self.reason = 0, ""
        self._headers: dict[str, str] = {}

    @classmethod
    def ask(
        cls,
        connection: socket.socket,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | Iterable[bytes] = b"",
    ) -> Self:
        """On a connection that is used for nothing else, and is closed with the answer. Raises OSError."""
        answer = cls(connection)
        try:
            # An answer may come before all was sent: a source that is too large.
            with suppress(BrokenPipeError, ConnectionResetError):
                _send(connection, method, target, headers, body)
            answer._read_head()
        except BaseException:
            answer.close()
            raise
        return answer

    def pieces(self) -> Iterator[bytes]:
        """The body as it comes. Raises OSError; BrokenOff when it ends too early."""
        if self._headers.get("transfer-encoding", "").lower() != "chunked":
            yield from self._next(_number(self._headers.get("content-length", "0"), 10))
            return
        while size := _number(self._line().partition(";")[0], 16):
            yield from self._next(size)
            self._line()
        while self._line():
            pass

    def read(self) -> bytes:
        return b"".join(self.pieces())

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_head(self) -> None:
        version, _, rest = self._line().partition(" ")
        status, _, self.reason = rest.partition(" ")
        if not version.startswith("HTTP/"):
            raise BrokenOff("the answer is not HTTP")
        self.status = _number(status, 10)
        while line := self._line():
            name, _, value = line.partition(":")
            self._headers[name.lower()] = value.strip()
            if len(self._headers) > HEADERS_LIMIT:
                raise BrokenOff("the answer's head has no end")

    def _line(self) -> str:
        line = self._file.readline(LINE_LIMIT)
        if not line.endswith(b"\n"):
            raise BrokenOff("the answer breaks off")
        return line.decode("latin-1").rstrip("\r\n")

    def _next(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._file.read1(min(size, CHUNK))
            if not piece:
                raise BrokenOff("the answer breaks off")
            size -= len(piece)
            yield piece


def _send(
    connection: socket.socket,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | Iterable[bytes],
) -> None:
    if isinstance(body, bytes):
        connection.sendall(_head(method, target, headers, f"Content-Length: {len(body)}") + body)
        return
    connection.sendall(_head(method, target, headers, "Transfer-Encoding: chunked"))
    for chunk in body:
        if chunk:
            connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    connection.sendall(b"0\r\n\r\n")


def _head(method: str, target: str, headers: Mapping[str, str], length: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", length]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _number(digits: str, base: int) -> int:
    try:
        return int(digits, base)
    except ValueError:
        raise BrokenOff("the answer is not HTTP") from None
