"""The push lock: one push per app at a time.

It is a lock on an open file (flock). Whoever inherits the file keeps it locked: door, git-receive-pack and hook hold
one lock together, and the kernel lets go of it when the last of them is gone, however they went. What stands in the
files beside it is for people to read and decides nothing but who waits.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

LOCK, HOLDER, WAITER = "paas-push.lock", "paas-push.holder", "paas-push.waiter"


class PushLock:
    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._file: int | None = None

    def take(self) -> bool:
        """Never waits. False: somebody else has it."""
        file = os.open(self._repository / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def give_back(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def hand_on(self) -> None:
        """From now on every program that this process becomes or starts holds it too."""
        if self._file is not None:
            os.set_inheritable(self._file, True)

    def describe(self, **values: object) -> None:
        """Replaces what is told about the holder."""
        self._write(HOLDER, values)

    def add(self, **values: object) -> None:
        """Adds to what is told about the holder: the commit, the build."""
        self._write(HOLDER, self.holder() | values)

    def holder(self) -> dict[str, Any]:
        """`person`, `since`, later `commit` and `build`; empty when nothing is known."""
        return self._read(HOLDER)

    def queue_up(self, person: str) -> str:
        """A ticket. It is good until the next one is given: only the newest waits."""
        ticket = os.urandom(8).hex()
        self._write(WAITER, {"ticket": ticket, "person": person})
        return ticket

    def waiter(self) -> dict[str, Any]:
        """`ticket` and `person` of the newest who ever waited."""
        return self._read(WAITER)

    def _read(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self._repository / name).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def _write(self, name: str, values: dict[str, object]) -> None:
        temporary = self._repository / f"{name}.{os.getpid()}"
        temporary.write_text(json.dumps(values))
        temporary.replace(self._repository / name)
