"""Whose turn it is to push: who waits at the door, what they are told meanwhile, and who takes whose place."""

import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from paas.errors import Conflict, PaasError
from paas.git.ask import Api, printable
from paas.git.lock import PushLock

POLL_SECONDS = 0.2
WORD_SECONDS = 10.0
"""How often a waiter is told that it still waits, when there is nothing else to see."""
CATCH_UP_SECONDS = 1.0
"""How long the end of a build's output may take to arrive once its push is over."""


class PlaceTaken(Conflict):
    def __init__(self, person: str) -> None:
        super().__init__(f"{person} is now the next in line; this push has left it. Push again.")


class ClientLeft(Exception):
    """Ctrl-C, or a connection that broke."""


class Client:
    """Who waits at the other end of `file`. Their end is one of the events `goes` of `input`.

    `frame` makes what is said fit what they expect to read.
    """

    def __init__(
        self, file: int, goes: int, frame: Callable[[bytes], bytes] = bytes, source: int = 0
    ) -> None:
        self._file, self._goes, self._frame, self._source = file, goes, frame, source
        self._alone = threading.Lock()
        self._is_over = False

    def tell(self, line: str) -> None:
        self.write(f"{line}\n".encode("utf-8", "replace"))

    def write(self, data: bytes) -> None:
        """Raises ClientLeft."""
        with self._alone:
            if self._is_over:
                raise ClientLeft
            try:
                framed = self._frame(data)
                while framed:
                    framed = framed[os.write(self._file, framed) :]
            except OSError:
                raise ClientLeft from None

    def wait(self, seconds: float) -> None:
        """That long. Raises ClientLeft at once when they go."""
        poll = select.poll()
        poll.register(self._source, self._goes & select.POLLRDHUP)
        if any(event & self._goes for _, event in poll.poll(seconds * 1000)):
            raise ClientLeft

    def leave_to_git(self) -> None:
        """From now on nothing more is said from here, and what was begun has been said whole."""
        with self._alone:
            self._is_over = True


def over_ssh() -> Client:
    """A git client says nothing before it was spoken to: what comes from it is its end."""
    return Client(2, select.POLLHUP | select.POLLRDHUP)


def take_turn(
    lock: PushLock, person: str, api: Api, app_id: str, app: str, client: Client
) -> str | None:
    """Waits for the app's push lock. The id of the build whose output the waiter was shown, if there was one.

    Raises PlaceTaken when somebody newer waits, ClientLeft when nobody waits any more.
    """
    if lock.take():
        return None
    ticket = lock.queue_up(person)
    client.tell(f"paas: {describe(lock.holder(), app)}. Waiting for it; Ctrl-C leaves.")
    shown: Shown | None = None
    told_at = time.monotonic()
    while True:
        is_mine, is_next = lock.take(), lock.waiter().get("ticket") == ticket
        if not is_next:
            lock.give_back()
            raise PlaceTaken(printable(str(lock.waiter().get("person"))))
        if is_mine:
            break
        client.wait(POLL_SECONDS)
        build = lock.holder().get("build")
        if build and (shown is None or shown.build != build):
            shown = Shown(api, app_id, str(build), client)
            shown.start()
        if shown is None and time.monotonic() - told_at > WORD_SECONDS:
            told_at = time.monotonic()
            client.tell(f"paas: {describe(lock.holder(), app)}. Still waiting.")
    if shown is None:
        return None
    shown.join(CATCH_UP_SECONDS)
    return shown.build


class Shown(threading.Thread):
    """Prints the output of the build that is waited for."""

    def __init__(self, api: Api, app_id: str, build: str, client: Client) -> None:
        super().__init__(daemon=True)
        self.build = build
        self._api, self._url, self._client = api, f"/apps/{app_id}/builds/{build}/output", client

    def run(self) -> None:
        with suppress(PaasError, ClientLeft):
            for chunk in self._api.follow(self._url, 0):
                self._client.write(chunk)


def describe(holder: dict[str, object], app: str) -> str:
    since = holder.get("since")
    person = printable(str(holder.get("person", "somebody")))
    commit = printable(str(holder.get("commit", "")))[:7]
    text = f"{person} is pushing {commit + ' ' if commit else ''}to {app}"
    if isinstance(since, float):
        clock = time.strftime("%H:%M:%S", time.localtime(since))
        text += f" since {clock} ({max(0, int(time.time() - since))} s)"
    return text
