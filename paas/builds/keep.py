"""Keeps a build: renews its lease while it runs, and ends what it runs when it may not go on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from paas.errors import Conflict, Failed, PaasError
from paas.model.build import BuildState
from paas.store.builds import BuildStore
from paas.store.database import RecordUnavailable

LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0
LOOK_SECONDS = 1.0
"""How soon a cancelled build is noticed."""

Trouble = Callable[[], PaasError | None]
"""Why the build may not go on; None: it may."""


def no_trouble() -> PaasError | None:
    return None


class BuildCancelled(Conflict):
    def __init__(self) -> None:
        super().__init__("The build was cancelled.")


class BuildTooLong(Failed):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            f"The build took longer than {seconds:.0f} s (setting build_seconds) and was ended."
        )


class Keeper:
    """While entered, a thread looks once a second whether the build may go on.

    What the build runs is ended by `end` of the innermost `ending` block, called again and again until that block is
    left; the builder itself learns of it by `check`.
    """

    def __init__(
        self, build_id: str, builds: BuildStore, seconds: float, trouble: Trouble = no_trouble
    ) -> None:
        """`trouble` is asked once a second as well."""
        self._build_id, self._builds, self._seconds = build_id, builds, seconds
        self._troubles = [trouble]
        self._deadline = time.monotonic() + seconds
        self._over = threading.Event()
        self._why: PaasError | None = None
        self._end: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep, name=f"keeper-{build_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raises BuildCancelled, BuildTooLong or what a trouble was when the build may not go on."""
        if self._why is not None:
            raise self._why

    def wait(self, seconds: float) -> None:
        """For somebody else, so long. As `check`."""
        self._over.wait(seconds)
        self.check()

    @contextmanager
    def ending(self, end: Callable[[], None], trouble: Trouble = no_trouble) -> Iterator[None]:
        """Inside, `end` stops what runs, also when it is in `trouble`. Afterwards as `check`."""
        self.check()
        with self._lock:
            self._end = end
            self._troubles.append(trouble)
        try:
            yield
        finally:
            with self._lock:
                self._end = None
                self._troubles.remove(trouble)
        self.check()

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._over.wait(LOOK_SECONDS):
            now = time.monotonic()
            with suppress(RecordUnavailable):  # it is asked again in a second
                if now - renewed > RENEW_SECONDS:
                    self._builds.renew(self._build_id, time.time() + LEASE_SECONDS)
                    renewed = now
                build = self._builds.get(self._build_id)
                if build is None or build.state is not BuildState.BUILDING:
                    self._why = BuildCancelled()
            if now > self._deadline and self._why is None:
                self._why = BuildTooLong(self._seconds)
            with suppress(RecordUnavailable, OSError):
                for trouble in tuple(self._troubles):
                    self._why = self._why or trouble()
            if self._why is not None:
                self._stop()

    def _stop(self) -> None:
        with self._lock:
            if self._end is not None:
                with suppress(PaasError):
                    self._end()
