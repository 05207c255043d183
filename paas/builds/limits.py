"""What a build may use that no kernel bounds by itself: the disk, and trying again and again for one more process."""

import shutil
import time
from pathlib import Path

from paas.builds.order import Order
from paas.engine.engine import HostUnreachable, StartFailed
from paas.errors import Failed
from paas.model.container import ContainerSpec

DISK_FLOOR_MB = 512
"""With less than this left on the platform's disk nothing is built."""
LOOK_SECONDS = 5.0
REFUSED_LOOKS = 2
"""So many looks in a row must find that more processes were refused."""
WRITABLE = ("/app", "/cache", "/out", "/tmp", "/var/tmp")
REFUSALS = ("/sys/fs/cgroup/pids.events", "/sys/fs/cgroup/pids/pids.events")
"""Of cgroup v2 and v1: `max`, and how many forks were refused."""


class BuildTooLarge(Failed):
    def __init__(self, megabytes: int, limit: int) -> None:
        super().__init__(
            f"The build has {megabytes} MB on the disk, more than {limit} MB (setting build_disk_mb), and was ended."
        )


class TooManyProcesses(Failed):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The build wants more than {limit} processes at once (setting pids) and was ended."
        )


class DiskFull(Failed):
    def __init__(self, free_mb: int) -> None:
        super().__init__(
            f"Only {free_mb} MB are left on the platform's disk, and a build needs {DISK_FLOOR_MB}. "
            "Its operator types: paas doctor"
        )


def disk_trouble(folder: Path, floor_mb: int = DISK_FLOOR_MB) -> DiskFull | None:
    """None: enough is left where `folder` is."""
    free_mb = shutil.disk_usage(folder).free >> 20
    return DiskFull(free_mb) if free_mb < floor_mb else None


class Use:
    """Of one of a build's containers, looked at every five seconds."""

    def __init__(self, order: Order, spec: ContainerSpec) -> None:
        self._order, self._spec = order, spec
        self._looked = time.monotonic()
        self._refused = self._refused_looks = 0

    def trouble(self) -> Failed | None:
        """None: it may go on, as far as anybody can tell."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return None
        try:
            return self._disk() or self._processes()
        except (HostUnreachable, StartFailed):
            return None  # it is over, or whoever waits for it will hear
        finally:
            self._looked = time.monotonic()

    def _disk(self) -> Failed | None:
        limit = self._order.settings.build_disk_mb
        used = self._run("du", "-smc", *WRITABLE).split()
        megabytes = int(used[-2]) if used[-1:] == ["total"] else 0
        return BuildTooLarge(megabytes, limit) if megabytes > limit else None

    def _processes(self) -> Failed | None:
        before = self._refused
        words = self._run("cat", *REFUSALS).split()
        self._refused = int(words[words.index("max") + 1]) if "max" in words else 0
        self._refused_looks = self._refused_looks + 1 if self._refused > before else 0
        if self._refused_looks < REFUSED_LOOKS:
            return None
        return TooManyProcesses(self._order.settings.pids)

    def _run(self, *argv: str) -> str:
        _, text = self._order.engine.exec(self._order.host.name, self._spec.name, argv)
        return text
