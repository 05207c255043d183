"""Forks a platform's workers, and forks again what ends. Imports little: it knows not what they do."""

import ctypes
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping

HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
PAUSE_SECONDS = 1.0
"""Between two starts of one worker."""
GOODBYE_SECONDS = 5.0
BUILDER_SECONDS = 0.5
"""A builder that has not ended by then has a build to finish, and is left to it."""
SET_PARENT_DEATH_SIGNAL = 1
LOG = logging.getLogger(__name__)


class Crew:
    """`queues`: each worker's name and its queue. `become` is the worker; when it returns, the worker has ended.

    Who works on the queue `left` is not waited for: what it has begun may take long.
    """

    def __init__(
        self, queues: Mapping[str, str], become: Callable[[str, str], None], left: str
    ) -> None:
        self._queues, self._become, self._left = queues, become, left
        self._names: dict[int, str] = {}
        self._due = dict.fromkeys(queues, 0.0)
        self._started = dict.fromkeys(queues, 0.0)

    def keep(self) -> None:
        """Until SIGTERM, which the workers get too."""
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        gc.collect()
        gc.freeze()  # what is never touched stays shared
        is_asked_to_end = False
        while not is_asked_to_end:
            self._fork_due()
            due = min(self._due.values(), default=None)
            is_asked_to_end = self._hear(3600.0 if due is None else due - time.monotonic())
        for pid in self._names:
            os.kill(pid, signal.SIGTERM)
        self._hear_until(time.monotonic() + GOODBYE_SECONDS, but=self._left)
        self._hear_until(time.monotonic() + BUILDER_SECONDS)

    def _hear_until(self, deadline: float, but: str = "") -> None:
        while any(self._queues[name] != but for name in self._names.values()):
            if time.monotonic() > deadline:
                return
            self._hear(deadline - time.monotonic())

    def _fork_due(self) -> None:
        now = time.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            self._started[name] = now
            self._names[self._fork(name)] = name

    def _fork(self, name: str) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            die_with_parent(signal.SIGKILL)
            if os.getppid() == parent:
                self._become(self._queues[name], name)
                code = 0
        except Exception:
            LOG.exception("%s", name)
        finally:
            os._exit(code)

    def _hear(self, seconds: float) -> bool:
        """Waits for a signal and buries who has ended. True: asked to end."""
        heard = signal.sigtimedwait(HEARD, max(0.0, seconds))
        while self._names:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid in self._names:
                name = self._names.pop(pid)
                self._due[name] = self._started[name] + PAUSE_SECONDS
        return heard is not None and heard.si_signo != signal.SIGCHLD


def die_with_parent(number: signal.Signals | None) -> None:
    """This signal when the parent is gone; None: nothing happens then."""
    if ctypes.CDLL(None, use_errno=True).prctl(SET_PARENT_DEATH_SIGNAL, number or 0):
        raise OSError(ctypes.get_errno(), "prctl")
