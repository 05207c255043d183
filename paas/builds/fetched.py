"""The buildpacks that were fetched, kept for the builds that come: each as a checked tar, under its version."""

import hashlib
import json
import os
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from paas.builds.sources import SourceStore
from paas.model.buildpack import Buildpack

KEPT_SECONDS = 30 * 86400.0
"""How long one is kept that no build has used."""
KEPT_BYTES = 2 << 30
"""Of all together; those that were used last stay."""
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Note:
    """What a name has last led to."""

    version: str = ""
    etag: str = ""


class Fetched:
    """Of one app where a password was needed, so that nobody else gets what it opened; else of the platform."""

    def __init__(self, folder: Path, app_id: str) -> None:
        self._folder, self._app_id = folder, app_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tars = SourceStore(folder)

    def note(self, buildpack: Buildpack) -> Note:
        """An empty one if it was never fetched, or is not there any more."""
        try:
            note = Note(**json.loads(self._note(buildpack).read_text()))
        except (OSError, ValueError, TypeError):
            return Note()
        return note if self._tars.has(self._id(buildpack, note.version)) else Note()

    def path(self, buildpack: Buildpack, version: str) -> Path | None:
        """Of its tar. It is used, so it is kept longer."""
        tar = self._id(buildpack, version)
        if not self._tars.has(tar):
            return None
        path = self._tars.path(tar)
        os.utime(path)
        return path

    def put(self, buildpack: Buildpack, note: Note, tar: Path | None, limit_mb: int) -> None:
        """`tar` is what somebody unknown has written; None: that of this version is here.

        Several builds may put the same at once. Raises InvalidSource or OSError.
        """
        new = str(uuid.uuid4())
        if tar is not None:
            try:
                self._tars.write(new, _chunks(tar), limit_mb)
                self._tars.check(new, limit_mb)
                name = self._id(buildpack, note.version)
                self._tars.path(new).rename(self._folder / f"{name}.tar")
            finally:
                self._tars.remove(new)
            clear_unused(self._folder, time.time())
        temporary = self._folder / f"{new}.json"
        temporary.write_text(json.dumps(asdict(note)))
        temporary.replace(self._note(buildpack))

    def _note(self, buildpack: Buildpack) -> Path:
        return self._folder / f"{self._digest(buildpack, f'#{buildpack.ref}')}.json"

    def _id(self, buildpack: Buildpack, version: str) -> str:
        return self._digest(buildpack, version)

    def _digest(self, buildpack: Buildpack, which: str) -> str:
        whose = self._app_id if buildpack.user else ""
        return hashlib.sha256(f"{whose}\0{buildpack.place}\0{which}".encode()).hexdigest()[:40]


def clear_unused(folder: Path, now: float, kept_bytes: int = KEPT_BYTES) -> None:
    """What is too old or too much. Safe to repeat and to kill."""
    seen = []
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            seen.append((path.stat().st_mtime, path.stat().st_size, path))
    left = kept_bytes
    for used_at, size, path in sorted(seen, reverse=True):
        left -= size
        if left < 0 or used_at < now - KEPT_SECONDS:
            path.unlink(missing_ok=True)


def _chunks(path: Path) -> Iterator[bytes]:
    with open_written(path) as file:
        while data := file.read(_CHUNK):
            yield data


def open_written(path: Path) -> IO[bytes]:
    """What a container wrote may be anything: no link is followed, no pipe waited for. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(f"{path.name} is no file")
    return os.fdopen(file, "rb")
