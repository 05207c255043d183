"""Sends the lines of the spool (see log.py) to the platform, where the router is on another machine.

How far it has come is kept in FOLDER/shipped. What was sent just before it died is sent again, and said to be first.
While Redis does not answer the spool holds what it holds; what is dropped from it is not sent.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from redis import RedisError

PIECE_BYTES = 64 << 10
IDLE_SECONDS = 0.5
BACK_OFF_SECONDS = 5.0
Send = Callable[[str, bool], None]
"""Whole lines, and whether they may have been sent before. Raises RedisError."""


class Shipper:
    """Until `stop`, in a thread of its own."""

    def __init__(self, spool: Path, place: Path, send: Send, report: Callable[[str], None]) -> None:
        self._spool, self._file, self._send, self._report = spool, place, send, report
        self._place = _read_place(place)
        self._is_first = True
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._ship, name="ship", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._thread.join(timeout=BACK_OFF_SECONDS)

    def _ship(self) -> None:
        while not self._is_stopped.is_set():
            pause = IDLE_SECONDS
            try:
                while self.ship_one() and not self._is_stopped.is_set():
                    continue
            except (RedisError, OSError) as error:
                self._report(f"The log is not sent ({error}); it is kept, and tried again")
                pause = BACK_OFF_SECONDS
            self._is_stopped.wait(pause)

    def ship_one(self) -> bool:
        """The next piece, if there is any. Raises RedisError or OSError."""
        files = sorted(path.name for path in self._spool.glob("*.jsonl"))
        if not files:
            return False
        name, offset = self._place
        if name not in files:
            name, offset = min((file for file in files if file > name), default=files[0]), 0
        with (self._spool / name).open("rb") as file:
            file.seek(offset)
            content = file.read(PIECE_BYTES)
        size = content.rfind(b"\n") + 1
        if size:
            is_first, self._is_first = (
                self._is_first,
                True,
            )  # what fails may have come there all the same
            self._send(content[:size].decode("utf-8", "replace"), is_first)
            self._is_first = False
            self._keep(name, offset + size)
        elif name != files[-1]:
            # It was complete when it was listed; a line that is torn ends with its file.
            self._keep(files[files.index(name) + 1], 0)
        return bool(size) or name != files[-1]

    def _keep(self, name: str, offset: int) -> None:
        self._place = name, offset
        temporary = self._file.with_name(f".{self._file.name}")
        temporary.write_text(f"{name} {offset}\n")
        temporary.replace(self._file)


def _read_place(path: Path) -> tuple[str, int]:
    try:
        name, offset = path.read_text().split()
        return name, int(offset)
    except (OSError, ValueError):
        return "", 0
