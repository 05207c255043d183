"""STEP 1  The other entrance: does for the API what the door does for sshd, for pushes and fetches over HTTP.

`python -I -S /…/paas/git/listen.py DIR`, as the door's user: the repositories are that user's, and the API's, which may
speak to engines, runs no git. Whoever may connect to its socket is believed. A connection is one request: its length
and a JSON head, then the body as git reads it; back come a JSON line and what git answers. Each has a process of its
own, which becomes git, so a push goes on when this program or the API is started again.
"""

import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

sys.path.append(str(Path(__file__).resolve().parents[2]))

from paas.errors import Invalid, PaasError, Unavailable
from paas.git.packets import (
    FATAL,
    FLUSH,
    LARGEST,
    PROGRESS,
    ZERO,
    Asked,
    NotGits,
    begins,
    packet,
    side_band,
)
from paas.git.repos import RECEIVE, UPLOAD, ensure_repository, refs
from paas.git.turn import Client, ClientLeft
from paas.git.visit import Visit

Found = TypeVar("Found")
MOST = 64
"""Requests at once."""
HEAD_LIMIT = 16 * 1024
HEAD_SECONDS = 10.0
COMMANDS_SECONDS = 60.0
"""How long a client may take to say what it wants to push."""
PEEK_SECONDS = 0.02
COMMANDS_LIMIT = 160 * 1024
"""Bytes. They have to fit into the socket, where git reads them again."""


class TooMany(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            f"{MOST} pushes and fetches are under way over HTTP. Try again in a moment."
        )


class TooManyRefs(Invalid):
    def __init__(self) -> None:
        super().__init__("Those are too many branches and tags for one push. Push them in parts.")


class Refusal(Exception):
    """Told as the push's own result."""

    def __init__(self, refusals: dict[str, str]) -> None:
        self.refusals = refusals


def main() -> NoReturn:
    os.umask(0o007)
    directory = Path(sys.argv[1])
    listening = listen(directory / "run" / "door" / "git.sock")
    children = Children()
    while True:
        connection, _ = listening.accept()
        with connection:
            if children.alive >= MOST:
                with suppress(OSError):
                    connection.sendall(told(TooMany()))
            elif children.begin() == 0:
                listening.close()
                serve(connection, directory)


class Children:
    def __init__(self) -> None:
        self.alive = 0
        signal.signal(signal.SIGCHLD, self._bury)

    def begin(self) -> int:
        """0: this is the child."""
        self.alive += 1
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return child

    def _bury(self, *_: object) -> None:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                self.alive -= 1


def listen(path: Path) -> socket.socket:
    """Takes the place of one that a killed process left. Its folder says who may connect."""
    beside = path.with_name(f".{path.name}")
    beside.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(beside))
    beside.chmod(0o660)
    listening.listen(MOST)
    beside.replace(path)
    return listening


def serve(connection: socket.socket, directory: Path) -> NoReturn:
    """One request. Becomes git, or says why not."""
    os.setsid()
    silence = os.open(os.devnull, os.O_WRONLY)
    for file, number in ((connection.fileno(), 0), (connection.fileno(), 1), (silence, 2)):
        os.dup2(file, number)
    try:
        connection.settimeout(HEAD_SECONDS)
        head = read_head(connection)
        connection.settimeout(None)
        argv, env = admit(connection, head, directory)
        os.execvpe(argv[0], argv, env)
    except PaasError as error:
        say(told(error))
    except OSError as error:
        say(told(Unavailable(f"the platform cannot take this now: {error}. See: paas doctor")))
    except ClientLeft:
        pass
    os._exit(1)


def admit(
    connection: socket.socket, head: Mapping[str, str], directory: Path
) -> tuple[list[str], dict[str, str]]:
    """The command to become, and its environment. Holds the push lock when it is a push."""
    visit = Visit(
        directory=directory,
        app_id=head["app_id"],
        app=head["app"],
        repository=ensure_repository(directory, head["app_id"]),
        person=head["person"],
        source_mb=int(head["source_mb"]),
    )
    program = RECEIVE if head["program"] == RECEIVE else UPLOAD
    env = visit.environment(head["protocol"])
    if head["advertise"]:
        argv = visit.command(program, "--stateless-rpc", "--advertise-refs")
        say(b"{}\n")
        if program == RECEIVE or env.get("GIT_PROTOCOL") != "version=2":
            say(packet(f"# service={program}\n".encode()) + FLUSH)
        return argv, env
    argv = visit.command(program, "--stateless-rpc")
    if program == UPLOAD:
        peek(connection, begins)
        say(b"{}\n")
        return argv, env
    try:
        asked = peek(connection, Asked.read)
    except TooManyRefs as error:  # git shows nothing of an answer that is an error
        say(b"{}\n" + side_band(FATAL, f"paas: {error}".encode()))
        os._exit(1)
    say(b"{}\n")
    return argv, env | (begin_push(visit, asked) if asked.commands else {})


def begin_push(visit: Visit, asked: Asked) -> dict[str, str]:
    """Waits for the push's turn. What the hook is to be told; ends this process where git has nothing to do.

    The client has seen the refs before it waited. Over SSH it sees them after that.
    """
    client = Client(
        1, select.POLLHUP, partial(side_band, PROGRESS) if asked.has_side_band else nothing
    )
    try:
        told_to_hook = visit.take_turn(client)
        client.leave_to_git()
        check_seen(visit.repository, asked)
    except PaasError as error:
        client.leave_to_git()
        if asked.has_side_band:
            say(side_band(FATAL, f"paas: {error}".encode()))
        os._exit(1)
    except Refusal as refusal:
        say(asked.result(refusal.refusals))
        os._exit(0)
    return told_to_hook


def check_seen(repository: Path, asked: Asked) -> None:
    """Raises Refusal when somebody else was quicker: without refusals where they pushed the very same."""
    now = refs(repository)
    if all(now.get(command.ref, ZERO) == command.old for command in asked.commands):
        return
    if all(now.get(command.ref, ZERO) == command.new for command in asked.commands):
        raise Refusal({})
    why = "somebody else has pushed meanwhile: type git fetch, then push again"
    raise Refusal({command.ref: why for command in asked.commands})


def peek(connection: socket.socket, read: Callable[[bytes], Found | None]) -> Found:
    """What the body begins with, left where git reads it. Raises NotGits, ClientLeft."""
    deadline = time.monotonic() + COMMANDS_SECONDS
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLRDHUP)
    while time.monotonic() < deadline:
        events = poll.poll(1000)
        if not events:
            continue
        is_ended = any(event & (select.POLLHUP | select.POLLRDHUP) for _, event in events)
        start = connection.recv(COMMANDS_LIMIT + LARGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        found = read(start)
        if found is not None:
            return found
        if len(start) > COMMANDS_LIMIT:
            raise TooManyRefs
        if is_ended:
            raise NotGits
        time.sleep(PEEK_SECONDS)
    raise ClientLeft


def read_head(connection: socket.socket) -> dict[str, str]:
    """Not a byte more than that: the rest is git's."""
    size = int.from_bytes(exactly(connection, 4), "big")
    if size > HEAD_LIMIT:
        raise NotGits
    head = json.loads(exactly(connection, size))
    assert isinstance(head, dict)
    return head


def exactly(connection: socket.socket, size: int) -> bytes:
    """Raises ClientLeft."""
    read = b""
    while len(read) < size:
        piece = connection.recv(size - len(read))
        if not piece:
            raise ClientLeft
        read += piece
    return read


def told(error: PaasError) -> bytes:
    return json.dumps({"kind": kind_of(error), "message": str(error)}).encode() + b"\n"


def kind_of(error: PaasError) -> str:
    """By the name that the API knows it by too."""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__base__ is PaasError)


def nothing(_: bytes) -> bytes:
    return b""


def say(data: bytes) -> None:
    """To whoever listens still. Raises ClientLeft."""
    try:
        while data:
            data = data[os.write(1, data) :]
    except OSError:
        raise ClientLeft from None


if __name__ == "__main__":
    main()
