"""Gathers lines from many threads and stores them in small batches, in the order they came."""

import logging
import queue
import threading
import time

from paas.logs.segments import LogUnwritable
from paas.logs.store import LogStore, pieces
from paas.model.log import LogLine

GATHER_SECONDS = 0.02
"""What comes within this time is one batch."""
AHEAD = 2000
"""Lines that may wait. Whoever brings more waits too, and the engine keeps what a container prints meanwhile."""
RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class LogWriter:
    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._waiting: queue.Queue[tuple[str, LogLine] | threading.Event] = queue.Queue(AHEAD)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stores what was put before, and ends."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def put(self, app_id: str, line: LogLine) -> None:
        self._waiting.put((app_id, line))

    def flush(self) -> bool:
        """Returns when all that was put before is stored. False: it ended without."""
        stored = threading.Event()
        self._waiting.put(stored)
        while not stored.wait(timeout=0.5):
            if not self._thread.is_alive():
                return stored.is_set()
        return True

    def _run(self) -> None:
        while batch := self._next_batch():
            lines: dict[str, list[LogLine]] = {}
            for item in batch:
                if isinstance(item, tuple):
                    lines.setdefault(item[0], []).extend(pieces(item[1]))
            if not all(self._store_all(app_id, of_app) for app_id, of_app in lines.items()):
                return
            for item in batch:
                if isinstance(item, threading.Event):
                    item.set()

    def _next_batch(self) -> list[tuple[str, LogLine] | threading.Event]:
        """Empty: nothing more will come."""
        batch: list[tuple[str, LogLine] | threading.Event] = []
        while not batch:
            try:
                batch.append(self._waiting.get(timeout=0.5))
            except queue.Empty:
                if self._stopping.is_set():
                    return []
        time.sleep(GATHER_SECONDS)
        while len(batch) < AHEAD and not self._waiting.empty():
            batch.append(self._waiting.get())
        return batch

    def _store_all(self, app_id: str, lines: list[LogLine]) -> bool:
        """Tries until it is done, each line once. False: we are stopping and the disk is still full."""
        while True:
            try:
                self._store.append(app_id, lines)
                return True
            except LogUnwritable as error:
                _log.warning("%s", error)
                lines = lines[error.stored :]
            if self._stopping.wait(RETRY_SECONDS):
                return False
