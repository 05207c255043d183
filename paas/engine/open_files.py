"""How many files a container may open.

An engine that was itself given fewer than a container should have refuses to start it, once it is made. Which hosts'
engine does is learnt by trying, and kept in a folder, so that not every process of the platform has to try.
"""

from contextlib import suppress
from pathlib import Path

OPEN_FILES = 65536
"""Where the engine may give so many; without a limit it would be a thousand million on some hosts."""


class OpenFiles:
    def __init__(self, folder: Path | None) -> None:
        """None: only this process knows."""
        self._folder = folder
        self._few: set[str] = set()

    def limit(self, host: str) -> int | None:
        """None: what the engine itself was given."""
        if self._folder is not None and self._note(self._folder, host).exists():
            return None
        return None if host in self._few else OPEN_FILES

    def are_few(self, host: str) -> None:
        """It was refused."""
        if self._folder is None:
            self._few.add(host)
            return
        try:
            self._note(self._folder, host).touch()
        except OSError:  # the folder is not there, or the disk is full
            self._few.add(host)

    def forget(self, host: str) -> None:
        """Its engine may be another one now."""
        self._few.discard(host)
        if self._folder is not None:
            with suppress(OSError):
                self._note(self._folder, host).unlink(missing_ok=True)

    def _note(self, folder: Path, host: str) -> Path:
        return folder / f"few-files-{host}"
