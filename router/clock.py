"""When what is done by the clock was done last."""

import time


class Due:
    def __init__(self) -> None:
        self._done: dict[str, float] = {}

    def is_due(self, what: str, seconds: float) -> bool:
        """And takes it as done. What has never been done is due at once."""
        now = time.monotonic()
        if what in self._done and now - self._done[what] < seconds:
            return False
        self._done[what] = now
        return True

    def did(self, what: str) -> None:
        self._done[what] = time.monotonic()

    def forget(self, what: str) -> None:
        self._done.pop(what, None)
