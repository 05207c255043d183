"""Keeps short what the programs print: they may run for years."""

from pathlib import Path

from paas.daemon.launch import LOG_LIMIT
from paas.settings import Settings

KEPT = 256 << 10


def shorten(settings: Settings) -> None:
    """Of a log over 4 MB the last 256 KB stay. Lines that are printed at that very moment may be lost."""
    for path in (settings.run / "log").glob("*.log"):
        if path.stat().st_size > LOG_LIMIT and path.name != "supervisord.log":
            _shorten(path)


def _shorten(path: Path) -> None:
    with path.open("r+b", buffering=0) as log:
        log.seek(-KEPT, 2)
        tail = log.read(KEPT)
        log.truncate(0)  # whoever writes it appends, so goes on at its new end
    with path.open("ab", buffering=0) as log:
        log.write(tail.partition(b"\n")[2])
