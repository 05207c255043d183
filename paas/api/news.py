"""What is new, for those who wait: one listener per process, who wakes the streams that follow an app."""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from redis import RedisError

from paas.wire import SILENT, Wire

LOG = logging.getLogger(__name__)
SILENCE_SECONDS = 0.5
"""Whoever waits looks again after this long, heard or not: a word can get lost."""
RETRY_SECONDS = 1.0


class Waiter:
    """One who waits for news of one app, in the event loop."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def forget(self) -> None:
        """Called before looking at the record, so that what is announced meanwhile ends the next `wait` at once."""
        self._heard.clear()

    async def wait(self, seconds: float = SILENCE_SECONDS) -> None:
        """Until there is news, or so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), seconds)

    def wake(self) -> None:
        self._heard.set()


class News:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._waiting: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.trouble: str | None = None
        """Why Redis brings nothing about at the moment."""
        self._looked = 0.0
        self.is_closing = False
        """The process is about to end: streams end, and whoever followed one asks again."""

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on, in a thread of its own. Without it, waiters look every half second."""
        self._loop = loop
        threading.Thread(target=self._listen, name="news", daemon=True).start()

    def close(self) -> None:
        """Called in the event loop: wakes everybody for the last time."""
        self.is_closing = True
        for waiters in self._waiting.values():
            for waiter in waiters:
                waiter.wake()

    @contextmanager
    def of(self, app_id: str) -> Iterator[Waiter]:
        waiter = Waiter()
        self._waiting[app_id].add(waiter)
        try:
            yield waiter
        finally:
            self._waiting[app_id].discard(waiter)
            if not self._waiting[app_id]:
                del self._waiting[app_id]

    def _listen(self) -> None:
        while not self.is_closing:
            try:
                for app_id in self._wire.news(RETRY_SECONDS):
                    if self.is_closing:
                        return
                    if app_id is not None:
                        self._tell(app_id)
                    self._look()
            except RedisError as error:
                if self.trouble != SILENT:
                    LOG.warning("Redis does not answer, so there is no news: %s", error)
                self.trouble = SILENT
                threading.Event().wait(RETRY_SECONDS)

    def _look(self) -> None:
        """Now and then, while somebody waits or there was trouble."""
        now = time.monotonic()
        if (self._waiting or self.trouble) and now - self._looked > RETRY_SECONDS:
            self.trouble, self._looked = self._wire.trouble(), now

    def _tell(self, app_id: str) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake, app_id)

    def _wake(self, app_id: str) -> None:
        for waiter in self._waiting.get(app_id, ()):
            waiter.wake()
