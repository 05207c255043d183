"""Which programs of a platform run, though nobody may be left who started them."""

import os
import signal
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from paas.settings import Settings

GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Running:
    """A program of ours that is alive: its pid file and the kernel agree on when it started."""

    name: str
    """`NAME.PID`: its successor has taken over, and it ends what it has."""
    pid: int
    started: int
    """In clock ticks since boot."""

    @property
    def is_alive(self) -> bool:
        return _started(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Silent when it is gone."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        since_boot = float(Path("/proc/uptime").read_text().split()[0])
        return since_boot - self.started / os.sysconf("SC_CLK_TCK")


def pid_file(settings: Settings, name: str) -> Path:
    return settings.run / "pids" / name


def running(settings: Settings) -> Sequence[Running]:
    """By name. Processes that only bear the number of one of ours are not among them."""
    found = []
    for path in sorted((settings.run / "pids").glob("*")):
        if path.suffix == ".new":  # somebody is just writing it
            continue
        try:
            pid, started = (int(word) for word in path.read_text().split())
        except (ValueError, FileNotFoundError):
            continue
        program = Running(path.name, pid, started)
        if program.is_alive and _may_name(path, pid):
            found.append(program)
    return found


def note_self(settings: Settings, name: str) -> None:
    """This process is the program of that name. One before it that lives on is noted as `NAME.PID`."""
    path = pid_file(settings, name)
    for program in running(settings):
        if program.name == name and program.pid != os.getpid():
            path.rename(f"{path}.{program.pid}")
    temporary = path.with_name(f"{name}.{os.getpid()}.new")
    temporary.write_text(f"{os.getpid()} {_started(os.getpid())}\n")
    temporary.replace(path)


def started_once(settings: Settings) -> Sequence[str]:
    """The names of all programs that the last run began, alive or not."""
    return sorted(path.name for path in (settings.run / "pids").glob("*") if "." not in path.name)


def forget_ended(settings: Settings) -> None:
    """Takes away the pid files of what is gone."""
    alive = {program.name for program in running(settings)}
    for path in (settings.run / "pids").glob("*"):
        if path.name not in alive:
            path.unlink()


def end(programs: Collection[Running], grace_seconds: float = GRACE_SECONDS) -> None:
    """SIGTERM to all of them, SIGKILL to those that are there after the grace; returns when all are gone."""
    for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        for program in programs:
            program.signal(number)
        deadline = time.monotonic() + patience
        while any(program.is_alive for program in programs):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)


def _may_name(path: Path, pid: int) -> bool:
    """Whoever wrote the file could end the process too: it is theirs, or they are root or who asks."""
    try:
        owner = path.stat().st_uid
        return owner in (0, os.geteuid(), Path(f"/proc/{pid}").stat().st_uid)
    except (FileNotFoundError, ProcessLookupError):
        return False


def _started(pid: int) -> int | None:
    """When the process started; None when there is none, or only what its parent has not yet buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])
