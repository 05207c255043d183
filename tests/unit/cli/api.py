"""A double of the platform's API as the command line meets it: an HTTP server that says what a test told it to say."""

import json
import socket
import socketserver
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

TOKEN = "t0ken-of-ada"
Server = TypeVar("Server", bound=socketserver.BaseServer)


@dataclass(frozen=True)
class Reply:
    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stream: Sequence[bytes] | None = None
    """Sent piece by piece instead of a body."""
    is_cut: bool = False
    """The connection ends before the answer does."""
    attach: Callable[["Attached"], None] | None = None
    """What a WebSocket gets."""


@dataclass(frozen=True)
class Asked:
    line: str
    """`GET /apps`."""
    body: Any
    headers: dict[str, str]


class Api:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[str, list[Reply]] = {}

    def says(self, line: str, *replies: Reply) -> None:
        """The last reply is repeated."""
        self._replies[line] = list(replies)

    def returns(
        self, line: str, body: object, status: int = 200, version: int | None = None
    ) -> None:
        headers = {} if version is None else {"Paas-Version": str(version)}
        self.says(line, Reply(body, status, headers))

    def becomes_live(self, app: str, version: int, *news: str) -> None:
        """The waiting side of a change: what it is told until the change is live."""
        words = [{"text": text} for text in news] + [{"state": "live"}]
        self.says(f"GET /apps/{app}/versions/{version}", ndjson(*words))

    @property
    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    def reply(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"id": "unauthorized", "message": "no such token"}, 401)
        replies = self._replies.get(asked.line)
        if replies is None:
            return Reply({"id": "not_found", "message": f"There is no {asked.line}."}, 404)
        return replies.pop(0) if len(replies) > 1 else replies[0]


def ndjson(*words: object) -> Reply:
    return Reply(stream=[json.dumps(word).encode() + b"\n" for word in words])


def refusal(status: int, kind: str, message: str) -> Reply:
    return Reply({"id": kind, "message": message}, status)


@contextmanager
def serve_tcp(api: Api) -> Iterator[str]:
    with _served(ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def serve_tls(api: Api, context: ssl.SSLContext) -> Iterator[str]:
    """The handshake is its connection's thread's."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(api))
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    with _served(server):
        yield f"https://127.0.0.1:{server.server_address[1]}"


@contextmanager
def serve_unix(api: Api, path: Path) -> Iterator[str]:
    with _served(_UnixServer(str(path), _handler(api))):
        yield f"unix://{path}"


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def _served(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def address_string(self) -> str:
            return "the command line"

        def log_message(self, *_: object) -> None:
            return

        def handle(self) -> None:
            with suppress(ConnectionError):  # a command that has ended hears no answer
                super().handle()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else self._pieces_sent()
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = api.reply(Asked(f"{self.command} {self.path}", body, headers))
            if reply.attach is not None:
                self.close_connection = True
                reply.attach(Attached(self.connection, self.raw_requestline, bytes(self.headers)))
            elif reply.stream is None:
                self._whole(reply)
            else:
                self._pieces(reply)

        def _pieces_sent(self) -> bytes | None:
            if "Transfer-Encoding" not in self.headers:
                return None
            sent = b""
            while size := int(self.rfile.readline() or b"0", 16):
                sent += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return sent

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def _whole(self, reply: Reply) -> None:
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self._head(reply, {"Content-Length": str(len(data))})
            self.wfile.write(data[: len(data) // 2] if reply.is_cut else data)
            self.close_connection = reply.is_cut

        def _pieces(self, reply: Reply) -> None:
            self._head(reply, {"Transfer-Encoding": "chunked"})
            for piece in reply.stream or ():
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
            if not reply.is_cut:
                self.wfile.write(b"0\r\n\r\n")
            self.close_connection = reply.is_cut

        def _head(self, reply: Reply, more: dict[str, str]) -> None:
            self.send_response(reply.status)
            for name, value in {**reply.headers, **more}.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler


class Attached:
    """The server's end of a WebSocket."""

    def __init__(self, connection: socket.socket, request_line: bytes, headers: bytes) -> None:
        self._socket = connection
        self._messages: deque[str | bytes] = deque()
        self._protocol = ServerProtocol()
        self._protocol.receive_data(request_line + headers.replace(b"\n", b"\r\n"))
        (request,) = self._protocol.events_received()
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()

    def receive(self) -> str | bytes:
        """The next message: text or binary."""
        while not self._messages:
            self._protocol.receive_data(self._socket.recv(65536))
            self._flush()
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    self._messages.append(bytes(event.data).decode())
                if isinstance(event, Frame) and event.opcode is Opcode.BINARY:
                    self._messages.append(bytes(event.data))
        return self._messages.popleft()

    def print(self, data: bytes) -> None:
        self._protocol.send_binary(data)
        self._flush()

    def exits(self, code: int) -> None:
        self._protocol.send_text(json.dumps({"exit": code}).encode())
        self._protocol.send_close(1000)
        self._flush()
        while (
            self._protocol.close_rcvd is None
        ):  # what is sent to a closed socket would take the rest with it
            self._protocol.receive_data(self._socket.recv(65536))
            self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._socket.sendall(data)
