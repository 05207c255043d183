"""The workers' parent: imports once, forks every worker, and forks again what ends.

Forked before anything is connected, the workers share the memory of what was imported: five of them take less than two
that were started by themselves. They die with their parent, unless they were asked to end and have a job to finish.
"""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from paas.daemon.queues import worker_queues
from paas.daemon.work import die_with_parent, work
from paas.running import note_self
from paas.settings import Settings
from paas.wire import BUILDS

HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)
PAUSE_SECONDS = 1.0
"""Between two starts of one worker."""
GOODBYE_SECONDS = 5.0
BUILDER_SECONDS = 0.5
"""A builder that has not ended by then has a build to finish, and is left to it."""
LOG = logging.getLogger(__name__)


class Crew:
    """`queues`: each worker's name and its queue. `become` is the worker; when it returns, the worker has ended."""

    def __init__(self, queues: Mapping[str, str], become: Callable[[str, str], None]) -> None:
        self._queues, self._become = queues, become
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
        self._hear_until(time.monotonic() + GOODBYE_SECONDS, but=BUILDS)
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


def crew(settings: Settings) -> Crew:
    def become(queue: str, name: str) -> None:
        note_self(settings, name)
        work(settings, queue, name)

    return Crew(worker_queues(settings), become)


@click.command("workers", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Work on all queues, in a process each; started by the supervisor."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(message)s")
    crew(Settings.load(directory)).keep()
