"""Stand before an engine and before Redis, and lose half of what they tell. Nobody is told that anything was lost.

Of the engine: its events. Of Redis: what is published, on its way to who listens; and, when it is asked for, the jobs
that are queued: RQ is told that one was, and no worker will find it.
"""

import random
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

from paas.wire import BUILDS, CONVERGE

PIECE = 65536


class Losing:
    """A unix socket at `path` that leads to the one at `to`."""

    def __init__(self, path: Path, to: Path, chance: float = 0.5) -> None:
        self.lost: list[str] = []
        self.passed: list[str] = []
        self._path, self._to, self._chance, self._rng = path, to, chance, random.Random()
        self._open: set[socket.socket] = set()
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(f"{path}")
        path.chmod(0o777)
        self._server.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def close(self) -> None:
        for end in [self._server, *self._open]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def is_lost(self, what: str) -> bool:
        """By chance, and noted."""
        is_lost = self._rng.random() < self._chance
        (self.lost if is_lost else self.passed).append(what)
        return is_lost

    def ask(self, near: BufferedReader, far: socket.socket) -> None:
        """Passes on what is asked."""
        while data := near.read1(PIECE):
            far.sendall(data)

    def answer(self, far: BufferedReader, near: socket.socket) -> None:
        while data := far.read1(PIECE):
            near.sendall(data)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(f"{self._to}")
            self._open |= {near, far}
            left = threading.Barrier(2)
            for pass_on, source, sink in ((self.ask, near, far), (self.answer, far, near)):
                thread = threading.Thread(
                    target=self._pass, args=(pass_on, source, sink, left), daemon=True
                )
                thread.start()

    def _pass(
        self,
        pass_on: Callable[[BufferedReader, socket.socket], None],
        source: socket.socket,
        sink: socket.socket,
        left: threading.Barrier,
    ) -> None:
        """Until the end of `source`, which is passed on; closed when both directions have ended."""
        with suppress(OSError), source.makefile("rb") as reading:
            pass_on(reading, sink)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        with suppress(threading.BrokenBarrierError):
            left.wait()
        self._open.discard(source)
        source.close()


class LosingEngine(Losing):
    """Events are asked for by HTTP 1.0: after the head, one is a line."""

    def __init__(self, path: Path, to: Path) -> None:
        self._follow: set[int] = set()
        super().__init__(path, to)

    def ask(self, near: BufferedReader, far: socket.socket) -> None:
        if b"/events?" in near.peek().split(b"\r\n", 1)[0]:
            self._follow.add(far.fileno())
        try:
            super().ask(near, far)
        finally:
            self._follow.discard(far.fileno())

    def answer(self, far: BufferedReader, near: socket.socket) -> None:
        far.peek(1)  # it was asked before that
        if far.fileno() not in self._follow:
            return super().answer(far, near)
        while line := far.readline():
            if line.startswith(b"{") and self.is_lost("event"):
                continue
            near.sendall(line)
        return None


class LosingRedis(Losing):
    loses_jobs = False

    def ask(self, near: BufferedReader, far: socket.socket) -> None:
        """A lost job is pushed on a list that nobody reads."""
        while words := read_command(near):
            queue = words[1].decode() if words[0].upper() == b"RPUSH" else ""
            is_job = queue.endswith((f"-{CONVERGE}", f"-{BUILDS}"))
            if is_job and self.loses_jobs and self.is_lost("job"):
                words[1] = b"lost"
            far.sendall(command(words))

    def answer(self, far: BufferedReader, near: socket.socket) -> None:
        while reply := read_reply(far):
            if b"\r\nmessage\r\n" in reply[:40] and self.is_lost("message"):
                continue
            near.sendall(reply)


def read_command(source: BufferedReader) -> list[bytes]:
    """Empty at the end."""
    head = source.readline()
    if not head:
        return []
    assert head[:1] == b"*", head
    return [source.read(int(source.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))]


def command(words: list[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%b\r\n" % (len(word), word) for word in words
    )


def read_reply(source: BufferedReader) -> bytes:
    """One answer, or one message of a subscription, of RESP 2 or 3. Empty at the end."""
    head = source.readline()
    kind, rest = head[:1], head[1:].strip()
    if kind in (b"$", b"=", b"!"):
        return head + (source.read(int(rest) + 2) if int(rest) >= 0 else b"")
    if kind in (b"*", b"~", b">", b"%", b"|"):
        count = max(0, int(rest)) * (2 if kind in (b"%", b"|") else 1)
        parts = [read_reply(source) for _ in range(count + (kind == b"|"))]
        return head + b"".join(parts)
    return head
