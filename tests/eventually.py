"""Waits for what is promised within a time."""

import time
from collections.abc import Callable


def eventually(seen: Callable[[], object], within: float = 5) -> float:
    """The seconds until `seen()` was true. An AssertionError inside it means "not yet".

    Fails with the last thing seen.
    """
    begin = time.monotonic()
    pause = 0.01
    while True:
        last: object
        try:
            last = seen()
            if last:
                return time.monotonic() - begin
        except AssertionError as error:
            last = error
        if time.monotonic() - begin > within:
            raise AssertionError(f"not within {within} s; last seen: {last!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
