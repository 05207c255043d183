"""Speaks to the supervisor of a platform that runs."""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy, Transport

from paas.errors import Failed, Unavailable
from paas.program import supervisor_socket
from paas.settings import Settings

ANSWER_SECONDS = 20.0
"""The longest that it does anything before it answers is to look for a second whether a program runs on."""


class Faults:
    """The supervisor's own; to import them would be to import the supervisor."""

    SHUTDOWN_STATE, BAD_NAME, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED = 6, 10, 60, 70, 90


class NotRunning(Unavailable):
    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"The platform in {settings.directory} does not run. Start it: paasd run {settings.directory}"
        )


class SupervisorSilent(Failed):
    def __init__(self, settings: Settings, pid: str) -> None:
        where = settings.directory
        super().__init__(
            f"The supervisor of the platform in {where} (process {pid}) runs and does not answer. "
            f"End it: kill -9 {pid}; then: paasd stop {where}, and start the platform again"
        )


class ProgramFailed(Failed):
    def __init__(self, name: str, settings: Settings, why: str) -> None:
        super().__init__(
            f"The program {name} did not start: {why}. Read: {settings.run / 'log' / name}.log"
        )


@dataclass(frozen=True, slots=True)
class ProgramState:
    name: str
    word: str
    """The supervisor's: RUNNING, STARTING, BACKOFF, STOPPED, ..."""
    pid: int
    started_at: float

    @property
    def is_running(self) -> bool:
        return self.word == "RUNNING"


@dataclass(frozen=True, slots=True)
class Difference:
    """Between the configuration and what is supervised, in names of programs."""

    added: frozenset[str]
    changed: frozenset[str]
    removed: frozenset[str]


class Supervision:
    """Every call raises NotRunning when there is no supervisor, SupervisorSilent when it does not answer."""

    def __init__(self, settings: Settings, seconds: float = ANSWER_SECONDS) -> None:
        self._settings = settings
        transport = _Transport(supervisor_socket(settings), seconds)
        self._server = ServerProxy("http://localhost", transport=transport)

    def states(self) -> Sequence[ProgramState]:
        """By name."""
        rows = self._call("getAllProcessInfo")
        return [
            ProgramState(row["name"], row["statename"], row["pid"], float(row["start"]))
            for row in rows
        ]

    def pid(self) -> int:
        """Of the supervisor itself."""
        return int(self._call("getPID"))

    def stop(self, names: Iterable[str]) -> None:
        """Returns when they are gone."""
        going = set(names)
        for name in going:
            self._unless(Faults.NOT_RUNNING, "stopProcess", name, False)
        while any(state.pid for state in self.states() if state.name in going):
            time.sleep(0.05)

    def restart(self, name: str) -> None:
        """Returns when the new one has run for a second. Raises ProgramFailed."""
        self.stop([name])
        try:
            self._unless(Faults.ALREADY_STARTED, "startProcess", name)
        except Fault as fault:
            raise ProgramFailed(name, self._settings, fault.faultString) from None

    def signal(self, name: str, signal: str) -> None:
        """`signal` without SIG. Silent when the program does not run."""
        self._unless(Faults.NOT_RUNNING, "signalProcess", name, signal)

    def reread(self) -> Difference:
        """Reads the configuration anew. Programs go on as they are until they are put, taken out or replaced."""
        [[added, changed, removed]] = self._call("reloadConfig")
        return Difference(frozenset(added), frozenset(changed), frozenset(removed))

    def put(self, name: str) -> None:
        """Adds and starts a program that is new in the configuration."""
        self._unless(Faults.ALREADY_ADDED, "addProcessGroup", name)

    def take_out(self, name: str) -> None:
        """Returns when it is gone."""
        self.stop([name])
        self._unless(Faults.BAD_NAME, "removeProcessGroup", name)

    def follow(self, is_concerned: Callable[[str], bool]) -> None:
        """What the files say by now of the programs that are concerned runs, and what they say no more does not."""
        difference = self.reread()
        for name in sorted(filter(is_concerned, difference.removed | difference.changed)):
            self.take_out(name)
        for name in sorted(filter(is_concerned, difference.added | difference.changed)):
            self.put(name)

    def shut_down(self) -> None:
        """Begins to stop all programs and then the supervisor; returns at once."""
        self._unless(Faults.SHUTDOWN_STATE, "shutdown")

    def _unless(self, fault_code: int, method: str, *arguments: str | bool) -> None:
        try:
            self._call(method, *arguments)
        except Fault as fault:
            if fault.faultCode != fault_code:
                raise

    def _call(self, method: str, *arguments: str | bool) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except TimeoutError:
            pid = (self._settings.run / "lock").read_text().strip()
            raise SupervisorSilent(self._settings, pid) from None
        except (OSError, HTTPException):
            raise NotRunning(self._settings) from None


class _Transport(Transport):
    """Over a unix socket. The supervisor's own waits for ever."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self._path, self._seconds = path, seconds

    def make_connection(self, host: Any) -> HTTPConnection:  # noqa: ARG002 - there is one
        connection = self._connection[1] or _Connection(self._path, self._seconds)
        self._connection = "", connection
        return connection


class _Connection(HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path, self._seconds = path, seconds

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._seconds)
        self.sock.connect(str(self._path))
