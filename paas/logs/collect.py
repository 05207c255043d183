"""Follows the log of every container and stores each line once, also across our own death.

Where to go on is told by the stored lines themselves. A container may be removed only when `is_logged` says that its
log was read to the end; not knowing never says so.
"""

import logging
import threading
from collections.abc import Callable

from paas.engine.engine import Engine
from paas.errors import Unavailable
from paas.logs.spool import RouterSpool
from paas.logs.store import LogStore, pieces
from paas.logs.writer import LogWriter
from paas.model.container import (
    CRASHED,
    GONE,
    PLACED,
    PULLING,
    STARTING,
    STOPPING,
    Container,
    Kind,
    container_name,
)
from paas.model.log import LogLine
from paas.store.containers import ContainerStore

SCAN_SECONDS = 3.0
"""How often the record is asked for containers nobody told us of."""
SPOOL_SECONDS, LONGEST_SPOOL_SECONDS = 0.2, 1.0
"""How often the router's spool is looked at; the longer nothing came, the less."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries to read on, doubled each time nothing came of it."""
_NOT_MADE_YET = frozenset({PLACED, PULLING, STARTING})
_log = logging.getLogger(__name__)


class Collector:
    """One thread for each container. All of them are daemons: a process ends without waiting for a silent log."""

    def __init__(
        self,
        platform: str,
        containers: ContainerStore,
        engine: Engine,
        logs: LogStore,
        queue_converge: Callable[[str], object],
        spool: RouterSpool,
    ) -> None:
        """`queue_converge` is called with the app's id when one of its containers was read to the end."""
        self._platform = platform
        self._containers = containers
        self._engine = engine
        self._logs = logs
        self._queue_converge = queue_converge
        self._spool = spool
        self._writer = LogWriter(logs)
        self._stopping = threading.Event()
        self._followed: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        self._writer.start()
        threading.Thread(target=self._scan, name="log scan", daemon=True).start()
        threading.Thread(target=self._take_spool, name="router log", daemon=True).start()

    def stop(self) -> None:
        """What was read is stored; the rest is read by whoever comes next."""
        self._stopping.set()
        with self._lock:
            for wake in self._followed.values():
                wake.set()
        self._writer.stop()

    def follow(self, row: Container) -> None:
        """From now on, or look again at once if it is followed. Silent about a row that has no log yet or any more."""
        if row.is_logged or row.kind is Kind.BUILD or row.state in (PLACED, PULLING, GONE):
            return
        with self._lock:
            if (wake := self._followed.get(row.id)) is not None:
                wake.set()
                return
            self._followed[row.id] = threading.Event()
        reader = threading.Thread(
            target=self._follow, args=(row.id,), name=f"log of {row.dyno.name}", daemon=True
        )
        reader.start()

    def _scan(self) -> None:
        while not self._stopping.is_set():
            try:
                for row in self._containers.live():
                    self.follow(row)
            except Unavailable as error:
                _log.warning("%s", error)
            except Exception:  # noqa: BLE001 - the top of a daemon's loop
                _log.exception("The scan for containers failed; it goes on.")
            self._stopping.wait(SCAN_SECONDS)

    def _take_spool(self) -> None:
        pause = SPOOL_SECONDS
        while not self._stopping.wait(pause):
            pause = min(1.2 * pause, LONGEST_SPOOL_SECONDS)
            try:
                while self._spool.take() and not self._stopping.is_set():
                    pause = SPOOL_SECONDS
            except Unavailable as error:
                _log.warning("The router's log waits: %s", error)
                self._stopping.wait(LONGEST_PAUSE)
            except Exception:  # noqa: BLE001 - the top of a daemon's loop
                _log.exception("The router's log could not be read; it is tried again.")
                self._stopping.wait(LONGEST_PAUSE)

    def _follow(self, container_id: str) -> None:
        wake, pause = self._followed[container_id], FIRST_PAUSE
        while not self._stopping.is_set():
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                row = self._containers.get(container_id)
                if row is None or row.is_logged or row.state is GONE:
                    break
                # Asked before it is read: what ends while it is read may have printed after that.
                has_ended = self._is_over(row)
                if self._read(row):
                    pause = FIRST_PAUSE
                if has_ended and not self._stopping.is_set():
                    self._containers.note(row.id, is_logged=True)
                    self._queue_converge(row.dyno.app_id)
                    break
            except Unavailable as error:
                _log.warning("The log of %s waits: %s", container_id, error)
            except Exception:  # noqa: BLE001 - the top of a daemon's loop
                _log.exception("The log of %s could not be read; it is tried again.", container_id)
            wake.wait(pause)
            wake.clear()
        with self._lock:
            del self._followed[container_id]

    def _read(self, row: Container) -> int:
        """Stores what is not stored yet until the log ends; how many lines that were. Raises HostUnreachable."""
        count = 0
        kept = self._logs.kept(row.dyno.app_id, row.id)
        name = container_name(self._platform, row.id)
        try:
            with self._engine.logs(row.host, name, max(0, kept.since_ns - 1)) as printed:
                for raw in printed:
                    for line in pieces(
                        LogLine(raw.at_ns, "app", row.dyno.name, raw.text, container=row.id)
                    ):
                        if kept.lines and kept.lines[line.at_ns, line.text] > 0:
                            kept.lines[line.at_ns, line.text] -= 1
                        elif line.at_ns >= kept.since_ns:
                            self._writer.put(row.dyno.app_id, line)
                            count += 1
                    if self._stopping.is_set():
                        break
        finally:
            if not self._writer.flush():  # we are ending
                self._stopping.set()
        return count

    def _is_over(self, row: Container) -> bool:
        """It has ended for good, and prints nothing more."""
        seen = self._engine.inspect(row.host, container_name(self._platform, row.id))
        if seen is None:
            return row.state not in _NOT_MADE_YET
        if seen.is_running:
            return False
        has_ended = row.kind is not Kind.DYNO and seen.exit_code is not None
        return has_ended or row.state in (STOPPING, CRASHED, GONE)
