"""How the API listens: on the folder's unix socket and on 127.0.0.1, in one process and one event loop."""

import asyncio
import json
import logging
import socket
from contextlib import suppress
from pathlib import Path
from types import FrameType

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from paas.api.news import News
from paas.errors import Conflict
from paas.settings import Settings

BACKLOG = 1024
GRACE_SECONDS = 3
"""For requests under way. Streams end at once; whoever followed one asks again."""
MESSAGE_LIMIT = 1024 * 1024
"""Bytes of one message of a WebSocket."""


class PortTaken(Conflict):
    def __init__(self, port: int, why: str) -> None:
        super().__init__(f"127.0.0.1:{port}, the API's port, cannot be had: {why}. See: ss -ltnp")


class Protocol(H11Protocol):
    """What is not HTTP gets the answer that every mistake gets."""

    def send_400_response(self, msg: str) -> None:
        body = json.dumps({"id": "bad_request", "message": msg}).encode()
        headers = [("Content-Type", "application/json"), ("Connection", "close")]
        with suppress(h11.LocalProtocolError):  # an answer had begun
            for event in (
                h11.Response(
                    status_code=400, headers=[*headers, ("Content-Length", str(len(body)))]
                ),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, news: News) -> None:
        super().__init__(config)
        self._news = news
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_asked_to_end = asyncio.Event()

    async def main_loop(self) -> None:
        """Uvicorn's own looks ten times a second whether it is to end; the date in the answers needs one."""
        self._loop = asyncio.get_running_loop()
        while not self.should_exit:
            await self.on_tick(0)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_asked_to_end.wait(), 1.0)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._is_asked_to_end.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams would go on for ever, so they are told first."""
        self._news.close()
        await super().shutdown(sockets)


def listen(app: ASGIApp, settings: Settings, news: News) -> None:
    """Until SIGTERM, and then for at most 3 s. Raises PortTaken."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    sockets = [unix_socket(settings.api_socket), local_socket(settings.api_port)]
    server(app, news).run(sockets)


def server(app: ASGIApp, news: News) -> Server:
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_LIMIT,
        ws_per_message_deflate=False,
        lifespan="on",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return Server(config, news)


def unix_socket(path: Path) -> socket.socket:
    """Takes the place of one that a killed process left. Anybody may connect: each request needs a token."""
    path.parent.chmod(0o755)
    beside = path.with_name(f".{path.name}")
    beside.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(beside))
    beside.chmod(0o666)
    listening.listen(BACKLOG)
    beside.replace(path)
    return listening


def local_socket(port: int) -> socket.socket:
    """Never of another address: the API speaks clear text. Raises PortTaken."""
    # asyncio switches Nagle's delay off (40 ms an answer) where the protocol is named.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise PortTaken(port, error.strerror or str(error)) from None
    return listening
