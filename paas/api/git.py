"""/{app}.git: the app's repository, over git's smart HTTP. At the root, where Heroku's command line looks for it.

git runs at the door, as the door's user; here bytes are carried there and back, none of them held. Raw ASGI: a
response of the framework's would read the request's body away. A client that leaves takes nothing down with it but
its own end: what the door has begun goes on, as over SSH.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from paas.api.gate import ASKED, Asked
from paas.api.git_body import gathered, pieces
from paas.api.unzip import unzipped
from paas.errors import Conflict, Failed, Invalid, PaasError, Refused, Unavailable, Unknown
from paas.model.git_request import MOST_TIMES, RECEIVE, UPLOAD, GitRequest
from paas.wiring import Platform

CHUNK = 64 * 1024
SLOW_SECONDS = 300.0
"""How long a client may take to read the next piece of an answer."""
HEAD_SECONDS = 90.0
"""How long the door may take to let somebody in: it reads first what is to be pushed."""
RESTART_SECONDS = 5.0
"""How long nobody may listen where the door listened a moment ago."""
AGAIN_SECONDS = 0.1
ROOM = 1 << 20
"""Bytes that may be under way to the door: it looks ahead. The kernel gives what it may of that."""
ASKED_LIMIT = 16 << 20
"""Bytes of what a fetch says it has."""
BESIDE_LIMIT = 1 << 20
"""Bytes of a push beside its pack."""
KINDS: Mapping[str, type[PaasError]] = {
    kind.__name__: kind for kind in (Conflict, Failed, Invalid, Refused, Unavailable, Unknown)
}


class UnknownPack(Invalid):
    def __init__(self, service: str) -> None:
        super().__init__(
            f"There is no {service[:60]!r} here: git push, fetch and clone, in git's smart protocol, and nothing else."
        )


class WrongType(Invalid):
    def __init__(self, kind: str) -> None:
        super().__init__(f"A body of the type {kind[:60]!r} is none of git's. Nothing was changed.")


class DoorSilent(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(
            f"The door does not answer ({why}). Try again in a moment. Its operator types: paasd status"
        )


class Advertisement:
    """What refs there are; a push and a fetch begin with it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if asked not in (RECEIVE, UPLOAD):
            raise UnknownPack(asked)
        await carry(scope, receive, send, asked, is_advertisement=True)


class Exchange:
    """The push or the fetch itself."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        program = scope["path"].rpartition("/")[2]
        kind = Headers(scope=scope).get("content-type", "")
        if kind != f"application/x-{program}-request":
            raise WrongType(kind)
        await carry(scope, receive, send, program, is_advertisement=False)


router = APIRouter()
router.routes += [
    Route("/{app}.git/info/refs", Advertisement(), methods=["GET"]),
    Route(f"/{{app}}.git/{RECEIVE}", Exchange(), methods=["POST"]),
    Route(f"/{{app}}.git/{UPLOAD}", Exchange(), methods=["POST"]),
]


async def carry(
    scope: Scope, receive: Receive, send: Send, program: str, *, is_advertisement: bool
) -> None:
    """The body to the door, its answer back, each as it comes. Raises PaasError while nothing was answered yet."""
    platform: Platform = scope["app"].state.platform
    settings, headers = platform.settings, Headers(scope=scope)
    limit = (
        ASKED_LIMIT if program == UPLOAD else (MOST_TIMES * settings.source_mb << 20) + BESIDE_LIMIT
    )
    body = unzipped(pieces(receive), headers.get("content-encoding", ""), limit)
    asked: Asked = scope[ASKED]
    assert asked.app is not None and asked.person is not None
    request = GitRequest(
        program=program,
        is_advertisement=is_advertisement,
        protocol=headers.get("git-protocol", "")[:100],
        app_id=asked.app.id,
        app=asked.app.name,
        person=asked.person.name,
        source_mb=settings.source_mb,
    )
    with await connected(settings.git_socket) as door:
        await asyncio.get_running_loop().sock_sendall(door, request.head())
        feeding = asyncio.create_task(feed(body, door))
        watching = asyncio.create_task(_watch(feeding, receive, door))
        try:
            begun = await _let_in(door, feeding)
            what = "advertisement" if is_advertisement else "result"
            await send(_start(f"application/x-{program}-{what}"))
            async for piece in _answer(door, begun):
                async with asyncio.timeout(SLOW_SECONDS):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.wait([feeding])  # a client that sends does not hear an answer yet
            await send({"type": "http.response.body", "body": b""})
        except (ClientDisconnect, TimeoutError):
            pass  # nobody reads an answer
        finally:
            for task in (feeding, watching):
                task.cancel()
            await asyncio.gather(feeding, watching, return_exceptions=True)


async def feed(body: AsyncIterator[bytes], door: socket.socket) -> None:
    """Hands the body on, and reads it to its end also when the door has had enough of it.

    Raises ClientDisconnect, and PaasError when it is none.
    """
    loop, has_enough = asyncio.get_running_loop(), False
    async for piece in gathered(body):
        if not has_enough:
            try:
                await loop.sock_sendall(door, piece)
            except OSError:
                has_enough = True
    with suppress(OSError):
        door.shutdown(socket.SHUT_WR)


async def _watch(feeding: asyncio.Task[None], receive: Receive, door: socket.socket) -> None:
    """The door sees its connection end when the client leaves, or has sent what is no body."""
    await asyncio.wait([feeding])
    if feeding.exception() is None:
        while (await receive())["type"] != "http.disconnect":
            pass
    with suppress(OSError):
        door.shutdown(socket.SHUT_RDWR)


async def _let_in(door: socket.socket, feeding: asyncio.Task[None]) -> bytes:
    """What the door says behind its first line. Raises what that line says; ClientDisconnect; DoorSilent."""
    said = b""
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            async for piece in _answer(door, b""):
                said += piece
                if b"\n" in said:
                    break
    except TimeoutError:
        raise DoorSilent("it says nothing") from None
    line, found, rest = said.partition(b"\n")
    if feeding.done() and (wrong := feeding.exception()) is not None:
        raise wrong
    if not found:
        raise DoorSilent("it has hung up")
    told = json.loads(line)
    if "kind" in told:
        raise KINDS[told["kind"]](told["message"])
    return rest


async def _answer(door: socket.socket, begun: bytes) -> AsyncIterator[bytes]:
    """As it comes. A door that has closed its end without reading all of the body has said all it had to say."""
    loop = asyncio.get_running_loop()
    if begun:
        yield begun
    with suppress(ConnectionResetError):
        while piece := await loop.sock_recv(door, CHUNK):
            yield piece


async def connected(path: Path, seconds: float = RESTART_SECONDS) -> socket.socket:
    """Waits a moment for a door that is being started again. Raises DoorSilent."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        door = socket.socket(socket.AF_UNIX)
        door.setblocking(False)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        try:
            await loop.sock_connect(door, str(path))
            return door
        except OSError as error:
            door.close()
            is_away = isinstance(
                error, ConnectionRefusedError | FileNotFoundError | BlockingIOError
            )
            if not is_away or loop.time() > deadline:
                raise DoorSilent(error.strerror or str(error)) from None
        await asyncio.sleep(AGAIN_SECONDS)


def _start(content_type: str) -> Message:
    headers = [(b"content-type", content_type.encode()), (b"cache-control", b"no-cache")]
    return {"type": "http.response.start", "status": 200, "headers": headers}
