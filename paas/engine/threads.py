"""Threads for what engines do side by side: each host has its own, so one that hangs keeps no other waiting."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

SIDE_BY_SIDE = 8
"""Calls to one host."""
STUCK_SECONDS = 15.0
"""A call that takes longer is not waited for."""


class EngineThreads:
    def __init__(self, stuck_seconds: float = STUCK_SECONDS) -> None:
        self.stuck_seconds = stuck_seconds
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._begun: dict[Future[None], tuple[str, float]] = {}
        self._lock = threading.Lock()

    def submit(self, host: str, call: Callable[[], None]) -> Future[None]:
        with self._lock:
            if host not in self._threads:
                self._threads[host] = ThreadPoolExecutor(SIDE_BY_SIDE, f"engine {host}")
            future = self._threads[host].submit(call)
            self._begun[future] = host, time.monotonic()
        future.add_done_callback(self._forget)
        return future

    def stuck(self) -> frozenset[str]:
        """The hosts where a call has been under way for too long: nothing new goes there meanwhile."""
        late = time.monotonic() - self.stuck_seconds
        with self._lock:
            return frozenset(host for host, begun in self._begun.values() if begun < late)

    def shutdown(self) -> None:
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def _forget(self, future: Future[None]) -> None:
        with self._lock:
            self._begun.pop(future, None)
