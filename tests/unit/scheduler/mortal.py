"""A worker in a process of its own, which ends or sleeps at a chosen point of a step: by a real signal.

Record and Redis are its own connections; the engine is the test's, asked through a pipe, so that what was begun there
goes on when the worker does not.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from redis import UnixDomainSocketConnection
from sqlalchemy import event

from paas.errors import PaasError
from paas.scheduler.converge import converge
from paas.settings import Settings
from paas.wiring import Platform, connect
from tests.engine import MemoryEngine

NAME = "converge-1"
BEGIN = "BEGIN IMMEDIATE"
KILL, STOP = signal.SIGKILL, signal.SIGSTOP


@dataclass
class Points:
    """Counts every deed that somebody else could see; at number `chosen` the signal comes, before or after it."""

    chosen: int
    signal: signal.Signals
    passed: int = 0
    _outside: threading.RLock = field(default_factory=threading.RLock)
    """Held by the thread that writes: nobody sleeps in a transaction of another's."""

    def passes(self) -> None:
        with self._outside:
            self.passed += 1
            if self.passed == self.chosen:
                os.kill(os.getpid(), self.signal)

    def lie_in(self, platform: Platform) -> None:
        """A transaction is cut before it is committed; who sleeps does so outside of it, or all would wait."""
        word = "COMMIT" if self.signal == KILL else BEGIN
        points, writing = self, set[object]()

        class Counted(UnixDomainSocketConnection):
            def send_packed_command(self, *given: Any, **more: Any) -> None:
                points.passes()
                super().send_packed_command(*given, **more)

        def executes(connection: object, cursor: object, statement: str, *_: object) -> None:
            if statement == word:
                points.passes()
            if statement == BEGIN and points.signal == STOP:
                points._outside.acquire()
                writing.add(connection)

        def executed(connection: object, cursor: object, statement: str, *_: object) -> None:
            if statement in ("COMMIT", "ROLLBACK") and connection in writing:
                writing.remove(connection)
                points._outside.release()

        event.listen(platform.record.engine, "before_cursor_execute", executes)
        event.listen(platform.record.engine, "after_cursor_execute", executed)
        pool = platform.redis.connection_pool
        pool.connection_class = Counted


class FarEngine:
    """Asks the engine at the other end of the pipe."""

    def __init__(self, pipe: Connection, points: Points) -> None:
        self._pipe, self._points, self._lock = pipe, points, threading.Lock()

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        def ask(*words: Any) -> Any:
            with self._lock:
                self._points.passes()
                self._pipe.send((verb, words))
                answer, error = self._pipe.recv()
                self._points.passes()
            if error is not None:
                raise raised(*error)
            return answer

        return ask


def raised(kind: type[Exception], words: Iterable[object], said: dict[str, object]) -> Exception:
    error = kind.__new__(kind)
    error.args = tuple(words)
    error.__dict__.update(said)
    return error


@dataclass
class MortalWorker:
    """At the step of one app. `passed` tells how many points it came by, once it has ended well."""

    pid: int
    engine: MemoryEngine
    pipe: Connection
    passed: int | None = None

    @classmethod
    def begins(
        cls, settings: Settings, engine: MemoryEngine, app_id: str, points: Points
    ) -> "MortalWorker":
        here, there = Pipe()
        pid = os.fork()
        if pid == 0:
            try:
                here.close()
                work(settings, app_id, there, points)
            finally:
                os._exit(0)
        there.close()
        return cls(pid, engine, here)

    def goes_on(self) -> bool:
        """What it asks the engine is done, until it has ended, or sleeps: True."""
        while True:
            try:
                while self.pipe.poll(0.01):
                    if self._answers(*self.pipe.recv()):
                        break
            except (EOFError, ConnectionError):
                self.ends()
                return False
            with suppress(ChildProcessError):  # it has ended, and its end of the pipe is about to
                if os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG):
                    return True

    def ends(self) -> None:
        """It may have ended by itself."""
        if not self.pipe.closed:
            self.pipe.close()
            os.kill(self.pid, signal.SIGKILL)  # until it is waited for, nobody else has its number
            os.waitpid(self.pid, 0)

    def wakes_up(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _answers(self, verb: str, words: Any) -> bool:
        """True: these were its last words."""
        if verb == "passed":
            self.passed = words
            return True
        try:
            self.pipe.send((getattr(self.engine, verb)(*words), None))
        except PaasError as error:
            self.pipe.send((None, (type(error), error.args, vars(error))))
        return False


def work(settings: Settings, app_id: str, pipe: Connection, points: Points) -> None:
    platform = connect(settings, FarEngine(pipe, points))  # type: ignore[arg-type]
    points.lie_in(platform)
    try:
        converge(app_id, NAME, platform)
    finally:
        pipe.send(("passed", points.passed))
