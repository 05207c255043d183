"""/apps/{app}/dynos/{dyno}/attach: the terminal of a one-off, over a WebSocket.

Binary messages are bytes of the terminal, both ways. Text messages are JSON: `{"resize": [rows, columns]}` and
`{"eof": true}` from the client; `{"exit": code}`, the last one, from here. Whoever goes away ends the one-off.
"""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, WebSocket
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect, WebSocketState

from paas.api.asked import CurrentApp
from paas.engine.engine import AddressTaken, HostUnreachable, Session
from paas.errors import PaasError, Unavailable
from paas.model.container import GONE, Container, ContainerSpec
from paas.scheduler.restart import UnknownDyno
from paas.scheduler.run import end_run, go_up
from paas.wiring import Platform

router = APIRouter(tags=["dynos"])
EXPECTED_SECONDS = 60.0
"""How long a one-off waits to be attached to before it is forgotten."""
MOST_SESSIONS = 50
HANGUP_SECONDS = 10.0
"""From SIGTERM to SIGKILL, for a one-off whose client has left."""
NOT_STARTED = 126
LARGEST = 10_000
"""Rows or columns of a terminal."""


class TooManySessions(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            f"{MOST_SESSIONS} one-offs are attached to already. Wait, or type: paas run --detach"
        )


@dataclass(frozen=True, slots=True)
class Begun:
    """A one-off that is recorded and does not run yet. Its spec holds secrets, so it stays in memory."""

    row: Container
    spec: ContainerSpec


class OneOffs:
    """Those of this process."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._expected: dict[str, Begun] = {}
        self._attached = 0

    def check_room(self) -> None:
        """Raises TooManySessions."""
        now = time.time()
        for row_id, begun in list(self._expected.items()):
            if begun.row.placed_at + EXPECTED_SECONDS < now:
                self._expected.pop(row_id, None)
        if self._attached + len(self._expected) >= MOST_SESSIONS:
            raise TooManySessions

    def expect(self, begun: Begun) -> None:
        self._expected[begun.row.id] = begun

    def take(self, row_id: str, app_id: str) -> Begun | None:
        """Once: a one-off is attached to by one client."""
        begun = self._expected.get(row_id)
        if begun is None or begun.row.dyno.app_id != app_id:
            return None
        return self._expected.pop(row_id)

    def start(self, begun: Begun) -> None:
        """Detached. Raises what the engine has to say; then nothing of it is left."""
        try:
            self._platform.engine.start(begun.row.host, begun.spec)
        except PaasError as error:
            self._give_up(begun.row, error)
            raise
        go_up(begun.row, self._platform, time.time())

    def attach(self, begun: Begun) -> Session:
        """The same, attached."""
        try:
            session = self._platform.engine.attach(begun.row.host, begun.spec)
        except PaasError as error:
            self._give_up(begun.row, error)
            raise
        self._attached += 1
        go_up(begun.row, self._platform, time.time())
        rows, columns = begun.spec.env.get("LINES"), begun.spec.env.get("COLUMNS")
        if begun.spec.has_terminal and rows and columns and (rows + columns).isdigit():
            session.resize(int(rows), int(columns))
        return session

    def end(self, begun: Begun, session: Session, exit_code: int | None) -> None:
        """What is left is removed. `exit_code` None: the client has left before it exited."""
        row, engine = begun.row, self._platform.engine
        self._attached -= 1
        try:
            if exit_code is None:
                engine.signal(row.host, begun.spec.name, "SIGHUP")
                engine.stop(row.host, begun.spec.name, HANGUP_SECONDS)
                exit_code = engine.wait(row.host, begun.spec.name, HANGUP_SECONDS)
            engine.remove(row.host, begun.spec.name)
        except HostUnreachable:
            return  # whoever watches the host finds the rest
        finally:
            session.close()
        end_run(row, -1 if exit_code is None else exit_code, self._platform, time.time())

    def _give_up(self, row: Container, why: PaasError) -> None:
        now, containers = time.time(), self._platform.containers
        if isinstance(why, AddressTaken):
            containers.put_aside(row.host, why.address, now)
        containers.move(row.id, GONE, now, reason=str(why), is_logged=True)


async def _one_offs(connection: HTTPConnection) -> OneOffs:
    one_offs: OneOffs = connection.app.state.one_offs
    return one_offs


CurrentOneOffs = Annotated[OneOffs, Depends(_one_offs)]


@router.websocket("/apps/{app}/dynos/{dyno}/attach")
async def attach(
    websocket: WebSocket,
    app: CurrentApp,
    one_offs: CurrentOneOffs,
    dyno: str,
) -> None:
    begun = one_offs.take(dyno, app.id)
    if begun is None:
        raise UnknownDyno(app.name, dyno)
    await websocket.accept()
    threads = CapacityLimiter(4)  # beside the pool that all requests share
    try:
        session = await to_thread.run_sync(one_offs.attach, begun, limiter=threads)
    except PaasError as error:
        await websocket.send_bytes(f" !     {error}\r\n".encode())
        await _say_exit(websocket, NOT_STARTED)
        return
    exit_code = None
    try:
        exit_code = await _converse(websocket, session, threads)
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(one_offs.end, begun, session, exit_code, limiter=threads)
    if exit_code is not None:
        await _say_exit(websocket, exit_code)


async def _converse(websocket: WebSocket, session: Session, threads: CapacityLimiter) -> int | None:
    """The exit code; None when the client left before."""
    exit_code = None
    async with anyio.create_task_group() as both:
        both.start_soon(_listen, websocket, session, threads, both.cancel_scope)
        with suppress(WebSocketDisconnect):
            while data := await _patiently(session.read, threads):
                await websocket.send_bytes(data)
            exit_code = await _patiently(session.wait, threads)
        both.cancel_scope.cancel()
    return exit_code


async def _listen(
    websocket: WebSocket, session: Session, threads: CapacityLimiter, both: CancelScope
) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            both.cancel()
            return
        if (data := message.get("bytes")) is not None:
            await to_thread.run_sync(session.write, data, limiter=threads, abandon_on_cancel=True)
        else:
            word = _parsed(message.get("text"))
            await to_thread.run_sync(_obey, session, word, limiter=threads, abandon_on_cancel=True)


async def _patiently(ask: Any, threads: CapacityLimiter) -> Any:
    """In a thread that is left behind when nobody waits for it any more; closing the session ends it."""
    return await to_thread.run_sync(ask, limiter=threads, abandon_on_cancel=True)


def _parsed(text: str | None) -> dict[str, Any]:
    """What cannot be understood asks for nothing."""
    try:
        word = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return word if isinstance(word, dict) else {}


def _obey(session: Session, word: dict[str, Any]) -> None:
    if word.get("eof") is True:
        session.end_input()
    match word.get("resize"):
        case [int(rows), int(columns)] if 0 < rows < LARGEST and 0 < columns < LARGEST:
            session.resize(rows, columns)


async def _say_exit(websocket: WebSocket, code: int) -> None:
    """Silent when the client is gone."""
    if websocket.application_state is WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError):
            await websocket.send_text(json.dumps({"exit": code}))
            await websocket.close()
