"""A request to an engine whose answer is a stream, on a connection of its own.

The SDK's streams cannot be asked "anything within a second?": after one timeout they are broken, and without one a
hanging engine is never noticed. HTTP 1.0 keeps the answer free of chunks, so that its bytes are the stream's own.
"""

import json
import select
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Self
from urllib.parse import urlsplit

HEAD_LIMIT = 65536


class StreamRefused(Exception):
    """The engine answered with an error. Never leaves the engine's own files."""

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(f"{status}: {why}")


@dataclass(slots=True)
class Stream:
    _socket: socket.socket
    _ahead: bytearray = field(default_factory=bytearray)
    _is_closed: bool = False

    @classmethod
    def open(
        cls,
        url: str,
        method: str,
        path: str,
        body: object,
        seconds: float,
        *,
        upgrade: bool,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Self:
        """Raises OSError, also when the head of the answer is not there after `seconds`, and StreamRefused."""
        stream = cls(_connect(url, seconds))
        try:
            stream._socket.sendall(_request(method, path, body, headers, upgrade=upgrade))
            status = stream._read_head()
            if status >= 400:
                raise StreamRefused(status, stream._read_error(seconds))
            stream._socket.settimeout(None)
        except BaseException:
            stream.close()
            raise
        return stream

    def read(self, seconds: float | None = None) -> bytes | None:
        """What is there next; None after `seconds` of silence; empty at the end. Raises OSError."""
        if self._ahead:
            data = bytes(self._ahead)
            self._ahead.clear()
            return data
        try:
            if seconds is not None and not self._has_more(seconds):
                return None
            return self._socket.recv(65536)
        except (OSError, ValueError):
            if self._is_closed:
                return b""
            raise

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def end_input(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Also ends a read that waits in another thread."""
        self._is_closed = True
        with suppress(OSError):  # the other end may have been quicker
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _has_more(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _read_head(self) -> int:
        """The status. What came after the head is kept."""
        while b"\r\n\r\n" not in self._ahead:
            data = self._socket.recv(65536)
            if not data or len(self._ahead) > HEAD_LIMIT:
                raise ConnectionError("the engine's answer has no end")
            self._ahead += data
        head, _, rest = bytes(self._ahead).partition(b"\r\n\r\n")
        self._ahead = bytearray(rest)
        words = head.split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            raise ConnectionError("the engine's answer is not HTTP")
        return int(words[1])

    def _read_error(self, seconds: float) -> str:
        text = bytearray()
        while len(text) < HEAD_LIMIT and (data := self.read(seconds)):
            text += data
            try:
                return str(json.loads(text)["message"])
            except (ValueError, KeyError, TypeError):
                continue  # not all of it yet
        return text.decode(errors="replace")


def _connect(url: str, seconds: float) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        unix = socket.socket(socket.AF_UNIX)
        try:
            unix.settimeout(seconds)
            unix.connect(parts.path)
        except BaseException:
            unix.close()
            raise
        return unix
    if parts.scheme in ("tcp", "http") and parts.hostname and parts.port:
        return socket.create_connection((parts.hostname, parts.port), seconds)
    raise OSError(f"no engine can be at {url}")


def _request(
    method: str, path: str, body: object, headers: Mapping[str, str], *, upgrade: bool
) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/{'1.1' if upgrade else '1.0'}", "Host: engine"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if upgrade:
        lines += ["Connection: Upgrade", "Upgrade: tcp"]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content
