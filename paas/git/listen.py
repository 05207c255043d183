"""STEP 1  The other entrance: does for the API what the door does for sshd, for pushes and fetches over HTTP.

`python -I -S /…/paas/git/listen.py DIR`, as the door's user: the repositories are that user's, and the API's, which may
speak to engines, runs no git. Whoever may connect to its socket is believed. A connection is one request: a
`GitRequest`, then the body as git reads it; back come a JSON line and what git answers. Each has a process of its own,
which becomes git (`exchange.py`), so a push goes on when this program or the API is started again.
"""

import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

sys.path.append(str(Path(__file__).resolve().parents[2]))

from paas.errors import PaasError, Unavailable
from paas.git.exchange import serve, told
from paas.git.turn import ClientLeft
from paas.model.git_request import HEAD_LIMIT, LENGTH_BYTES, GitRequest, NoGitRequest

MOST, MOST_OF_ONE = 64, 16
"""Requests at once: of all persons, and of one."""
HEAD_SECONDS = 1.0
"""Nobody else is heard meanwhile. The API sends the head with the connection."""
BURY_SECONDS = 10.0
AGAIN_SECONDS = 0.2


class TooMany(Unavailable):
    def __init__(self, count: int, whose: str) -> None:
        super().__init__(
            f"{count} pushes and fetches{whose} are under way over HTTP. Try again in a moment."
        )


def main() -> NoReturn:
    os.umask(0o007)
    directory = Path(sys.argv[1])
    listening = listen(directory / "run" / "door" / "git.sock")
    listening.settimeout(BURY_SECONDS)
    children = Children()
    while True:
        children.bury()
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        except OSError as error:  # no more files, or a client that has left
            sys.stderr.write(f"door: {error}\n")
            time.sleep(AGAIN_SECONDS)
            continue
        with connection:
            request = begin(connection, children)
            if request is not None:
                listening.close()
                serve(connection, request, directory)


class Children:
    """One for each request, and whose it is."""

    def __init__(self, fork: Callable[[], int] = os.fork) -> None:
        self._fork = fork
        self._persons: dict[int, str] = {}

    def begin(self, person: str) -> bool:
        """True: this is the child. Raises TooMany and OSError."""
        self.bury()
        if len(self._persons) >= MOST:
            raise TooMany(MOST, "")
        if list(self._persons.values()).count(person) >= MOST_OF_ONE:
            raise TooMany(MOST_OF_ONE, f" of {person}'s")
        child = self._fork()
        if child != 0:
            self._persons[child] = person
        return child == 0

    def bury(self) -> None:
        with suppress(ChildProcessError):
            while gone := os.waitpid(-1, os.WNOHANG)[0]:
                self._persons.pop(gone, None)


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


def begin(connection: socket.socket, children: Children) -> GitRequest | None:
    """In the child: what it is to serve. In this process None, also when nobody could be begun, who is told so."""
    try:
        connection.settimeout(HEAD_SECONDS)
        request = read_head(connection)
        connection.settimeout(None)
        return request if children.begin(request.person) else None
    except PaasError as error:
        said = told(error)
    except OSError as error:
        said = told(Unavailable(f"the platform cannot take this now: {error}. See: paas doctor"))
    except ClientLeft:
        return None
    with suppress(OSError):
        connection.sendall(said)
    return None


def read_head(connection: socket.socket) -> GitRequest:
    """Not a byte more than that: the rest is git's. Raises NoGitRequest, ClientLeft and OSError."""
    size = int.from_bytes(exactly(connection, LENGTH_BYTES), "big")
    if size > HEAD_LIMIT:
        raise NoGitRequest
    return GitRequest.read(exactly(connection, size))


def exactly(connection: socket.socket, size: int) -> bytes:
    """Raises ClientLeft."""
    read = b""
    while len(read) < size:
        piece = connection.recv(size - len(read))
        if not piece:
            raise ClientLeft
        read += piece
    return read


if __name__ == "__main__":
    main()
