"""Hosts that did not answer in time: for a while nobody waits for them again."""

import threading
import time

from paas.engine.engine import HostUnreachable

OPEN_SECONDS = 5.0


class Breaker:
    """Of one process. Any answer, also one that says no, closes it."""

    def __init__(self, open_seconds: float = OPEN_SECONDS) -> None:
        self._open_seconds = open_seconds
        self._lock = threading.Lock()
        self._silent: dict[str, float] = {}
        """Since when a host has not answered, by the monotonic clock."""
        self._next: dict[str, float] = {}
        """When the next call is let through, and only one."""

    def check(self, host: str) -> None:
        """Before a call. Raises HostUnreachable."""
        now = time.monotonic()
        with self._lock:
            since = self._silent.get(host)
            if since is None:
                return
            if now < self._next[host]:
                raise HostUnreachable(host, f"it did not answer {now - since:.0f} s ago")
            self._next[host] = now + self._open_seconds

    def silent(self, host: str) -> None:
        """A call met its deadline."""
        now = time.monotonic()
        with self._lock:
            self._silent.setdefault(host, now)
            self._next[host] = now + self._open_seconds

    def answered(self, host: str) -> None:
        if host in self._silent:
            with self._lock:
                self._silent.pop(host, None)
