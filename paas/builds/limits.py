"""What a build may use that no kernel bounds by itself: the disk, and trying again and again for one more process."""

import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from paas.builds.order import Order
from paas.engine.engine import EngineFailed, HostUnreachable, StartFailed
from paas.errors import Failed
from paas.model.container import ContainerSpec
from paas.store.hosts import HostStore

DISK_FLOOR_MB = 512
"""With less than this left on the platform's disk nothing is built."""
METER_SECONDS = 5.0
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


def disk_trouble(
    folder: Path, hosts: HostStore, host: str, floor_mb: int = DISK_FLOOR_MB
) -> DiskFull | None:
    """None: enough is left where `folder` is, and where the engine of `host` keeps its layers, as was last seen."""
    free_mb = shutil.disk_usage(folder).free >> 20
    engine_mb = hosts.get(host).disk_free_mb or free_mb  # 0: nobody knows
    least_mb = min(free_mb, engine_mb)
    return DiskFull(least_mb) if least_mb < floor_mb else None


class Meter:
    """Looks every five seconds at what one of a build's containers uses, in a thread of its own: that may take long."""

    def __init__(self, order: Order, spec: ContainerSpec) -> None:
        self._order, self._spec = order, spec
        self._refused = self._refused_looks = 0
        self._trouble: Failed | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"meter-{spec.name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._is_over.set()

    def trouble(self) -> Failed | None:
        """None: it may go on, as far as anybody can tell."""
        return self._trouble

    def _look(self) -> None:
        while self._trouble is None and not self._is_over.wait(METER_SECONDS):
            # It is over, or whoever waits for it will hear.
            with suppress(HostUnreachable, StartFailed, EngineFailed):
                self._trouble = self._disk() or self._processes()

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
