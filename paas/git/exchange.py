"""One request of the API: becomes git, or says why not. Standard input and output are its connection to the API."""

import json
import os
import select
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from paas.errors import Invalid, PaasError, Unavailable
from paas.git.packets import (
    FATAL,
    FLUSH,
    LARGEST,
    PROGRESS,
    ZERO,
    Changes,
    NotGits,
    begins,
    packet,
    side_band,
)
from paas.git.repos import ensure_repository, refs
from paas.git.stored import build_stored
from paas.git.turn import Client, ClientLeft
from paas.git.visit import Visit
from paas.model.git_request import BUILD, RECEIVE, UPLOAD, GitRequest

Found = TypeVar("Found")
COMMANDS_SECONDS = 60.0
"""How long a client may take to say what it wants to push."""
PEEK_SECONDS = 0.02
COMMANDS_LIMIT = 160 * 1024
"""Bytes. They have to fit into the socket, where git reads them again."""


class TooManyRefs(Invalid):
    def __init__(self) -> None:
        super().__init__("Those are too many branches and tags for one push. Push them in parts.")


class CommandsSilent(Unavailable):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"What was to be pushed was not said within {seconds:.0f} s. Nothing was changed."
        )


class Refusal(Exception):
    """Told as the push's own result."""

    def __init__(self, refusals: dict[str, str]) -> None:
        self.refusals = refusals


def serve(connection: socket.socket, request: GitRequest, directory: Path) -> NoReturn:
    """What git has to complain of itself is on the program's log."""
    os.setsid()
    for number in (0, 1):
        os.dup2(connection.fileno(), number)
    try:
        if request.program == BUILD:
            say(json.dumps({"build": build_stored(request, directory)}).encode() + b"\n")
            os._exit(0)
        argv, env = admit(connection, request, directory)
        os.execvpe(argv[0], argv, env)
    except PaasError as error:
        say(told(error))
    except OSError as error:
        say(told(Unavailable(f"the platform cannot take this now: {error}. See: paas doctor")))
    except ClientLeft:
        pass
    os._exit(1)


def admit(
    connection: socket.socket, request: GitRequest, directory: Path
) -> tuple[list[str], dict[str, str]]:
    """The command to become, and its environment. Holds the push lock when it is a push."""
    visit = Visit(
        directory=directory,
        app_id=request.app_id,
        app=request.app,
        repository=ensure_repository(directory, request.app_id),
        person=request.person,
        source_mb=request.source_mb,
    )
    env = visit.environment(request.protocol)
    if request.is_advertisement:
        argv = visit.command(request.program, "--stateless-rpc", "--advertise-refs")
        say(b"{}\n")
        if request.program == RECEIVE or env.get("GIT_PROTOCOL") != "version=2":
            say(packet(f"# service={request.program}\n".encode()) + FLUSH)
        return argv, env
    argv = visit.command(request.program, "--stateless-rpc")
    if request.program == UPLOAD:
        peek(connection, begins)
        say(b"{}\n")
        return argv, env
    try:
        changes = peek(connection, Changes.read)
    except TooManyRefs as error:  # git shows nothing of an answer that is an error
        say(b"{}\n" + side_band(FATAL, f"paas: {error}".encode()))
        os._exit(1)
    say(b"{}\n")
    return argv, env | (begin_push(visit, changes) if changes.commands else {})


def begin_push(visit: Visit, changes: Changes) -> dict[str, str]:
    """Waits for the push's turn. What the hook is to be told; ends this process where git has nothing to do.

    The client has seen the refs before it waited. Over SSH it sees them after that.
    """
    client = Client(
        1, select.POLLHUP, partial(side_band, PROGRESS) if changes.has_side_band else nothing
    )
    try:
        told_to_hook = visit.take_turn(client)
        client.leave_to_git()
        check_seen(visit.repository, changes)
    except PaasError as error:
        client.leave_to_git()
        if changes.has_side_band:
            say(side_band(FATAL, f"paas: {error}".encode()))
        os._exit(1)
    except Refusal as refusal:
        say(changes.result(refusal.refusals))
        os._exit(0)
    return told_to_hook


def check_seen(repository: Path, changes: Changes) -> None:
    """Raises Refusal when somebody else was quicker: without refusals where they pushed the very same."""
    now = refs(repository)
    if all(now.get(command.ref, ZERO) == command.old for command in changes.commands):
        return
    if all(now.get(command.ref, ZERO) == command.new for command in changes.commands):
        raise Refusal({})
    why = "somebody else has pushed meanwhile: type git fetch, then push again"
    raise Refusal({command.ref: why for command in changes.commands})


def peek(
    connection: socket.socket,
    read: Callable[[bytes], Found | None],
    seconds: float = COMMANDS_SECONDS,
) -> Found:
    """What the body begins with, left where git reads it. Raises NotGits, TooManyRefs, CommandsSilent."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLRDHUP)
    while (left := deadline - time.monotonic()) > 0:
        events = poll.poll(left * 1000)
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
    raise CommandsSilent(seconds)


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
