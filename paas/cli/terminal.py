"""This terminal as the terminal of a dyno, over a WebSocket.

Binary messages are what is typed and what is printed. Text messages are JSON: `{"resize": [rows, columns]}` and
`{"eof": true}` from here; `{"exit": code}`, the last one, from there.
"""

import json
import os
import select
import signal
import socket
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.sync.client import ClientConnection, connect

from paas.cli.client import Client
from paas.cli.links import local
from paas.errors import Unavailable

CHUNK = 16384
MESSAGE_LIMIT = 16 * 1024 * 1024
CLOSE_SECONDS = 2.0


class AttachFailed(Unavailable):
    def __init__(self, app: str, dyno: str, why: str) -> None:
        super().__init__(
            f"{dyno} of {app} cannot be attached to: {why}. Type it again, or: paas run --detach -a {app} COMMAND"
        )


class Lost(Unavailable):
    def __init__(self, app: str, dyno: str) -> None:
        super().__init__(
            f"The connection to {dyno} of {app} was lost before it ended. Is it still there? paas ps -a {app}"
        )


def attach(
    api: Client, app: str, dyno: str, url: str, source: int, sink: int, has_terminal: bool
) -> int:
    """Until the dyno ends; returns its exit code. `source` and `sink` are file descriptors. Raises Lost."""
    address = api.address
    target = f"ws://{address.authority}{address.prefix}{local(address, url)}"
    sock = address.connect()
    sock.settimeout(None)
    try:
        line = connect(
            target, sock=sock, additional_headers=api.authorization, compression=None,
            max_size=MESSAGE_LIMIT, close_timeout=CLOSE_SECONDS,
        )  # fmt: skip
    except (InvalidHandshake, InvalidMessage, OSError, EOFError) as error:
        sock.close()
        raise AttachFailed(app, dyno, str(error) or "no handshake") from None
    with line, _raw(source, has_terminal), _resizes(has_terminal) as resized:
        threading.Thread(
            target=_type, args=(line, source, resized, has_terminal), daemon=True
        ).start()
        code = _print(line, sink)
    if code is None:
        raise Lost(app, dyno)
    return code


def _print(line: ClientConnection, sink: int) -> int | None:
    """Everything that arrives, until it ends. None when nobody said how it ended."""
    try:
        while True:
            message = line.recv()
            if isinstance(message, str):
                code = json.loads(message).get("exit")
                if isinstance(code, int):
                    return code & 0xFF
            else:
                _write(sink, message)
    except ConnectionClosed:
        return None


def _type(line: ClientConnection, source: int, resized: socket.socket, has_terminal: bool) -> None:
    """In a thread of its own: what is typed, and how large the window is. Ends with the connection."""
    try:
        if has_terminal:
            line.send(_size(source))
        sources = [source, resized.fileno()]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if resized.fileno() in ready:
                resized.recv(CHUNK)
                line.send(_size(source))
            if source in ready:
                typed = os.read(source, CHUNK)
                if typed:
                    line.send(typed)
                else:
                    line.send(json.dumps({"eof": True}))
                    sources.remove(source)
    except (ConnectionClosed, OSError, ValueError):
        return  # the dyno has ended; what was typed after that goes nowhere


def _write(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


def _size(source: int) -> str:
    columns, rows = os.get_terminal_size(source)
    return json.dumps({"resize": [rows, columns]})


@contextmanager
def _raw(source: int, has_terminal: bool) -> Iterator[None]:
    """Every key goes to the dyno, Ctrl-C too. The terminal comes back as it was, whatever happens."""
    if not has_terminal:
        yield
        return
    before = termios.tcgetattr(source)
    tty.setraw(source)
    try:
        yield
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)


@contextmanager
def _resizes(has_terminal: bool) -> Iterator[socket.socket]:
    """Readable whenever the window changed its size. A signal handler may not send: it could interrupt a send."""
    heard, told = socket.socketpair()
    with heard, told:
        told.setblocking(False)
        if not has_terminal:
            yield heard
            return
        before = signal.signal(signal.SIGWINCH, lambda _signal, _frame: None)
        woken = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield heard
        finally:
            signal.set_wakeup_fd(woken)
            signal.signal(signal.SIGWINCH, before)
