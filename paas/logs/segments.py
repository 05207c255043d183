"""A stream of bytes kept in a folder of bounded files.

A file's name is the offset in the stream at which it begins, so an offset means the same for ever, also when what was
there has been dropped. Several processes append: one at a time, under a lock of the folder. Nobody locks to read.
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from paas.errors import Unavailable

_SUFFIX = ".log"
LOOK_SECONDS = 0.002


class LogUnwritable(Unavailable):
    """The records before number `stored` are kept, those from there on are not."""

    def __init__(self, folder: Path, stored: int, why: str, cure: str = "Free the disk.") -> None:
        self.stored = stored
        super().__init__(f"The log {folder} cannot be written: {why}. {cure}")


@dataclass(frozen=True, slots=True)
class Segments:
    folder: Path
    segment_bytes: int
    last_kept: int
    """How many of the newest files are kept."""
    first_kept: int = 0
    """How many of the very first are kept beside them."""
    holds_lines: bool = True
    """What does not end with a newline was torn by a kill, and is cut off before the next append."""
    lock_seconds: float = 10.0
    """How long the others may write before us."""

    def append(self, records: Sequence[bytes]) -> None:
        """In this order and in one piece each. Raises LogUnwritable.

        A process that is killed meanwhile leaves whole records, the first ones.
        """
        stored = 0
        try:
            with self._mine() as folder:
                start, size = self._end(folder)
                while stored < len(records):
                    if size and size + len(records[stored]) > self.segment_bytes:
                        start, size = start + size, 0
                        self._drop(folder)
                    count = self._fitting(records, stored, size)
                    written = self._write(folder, start, records[stored : stored + count])
                    size += sum(map(len, records[stored : stored + written]))
                    stored += written
                    if written < count:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise LogUnwritable(self.folder, stored, error.strerror or str(error)) from error

    def read(self, offset: int, limit: int) -> tuple[int, bytes]:
        """At most `limit` bytes, and the offset they begin at: a later one where what was there has been dropped.

        Empty: there is nothing after it yet. An offset that the stream never had is taken for 0.
        """
        while True:
            starts = self._starts()
            if not starts:
                return 0, b""
            index = max((i for i, start in enumerate(starts) if start <= offset), default=0)
            begin = max(offset, starts[index])
            try:
                with self._path(starts[index]).open("rb") as file:
                    is_beyond = begin - starts[index] > os.fstat(file.fileno()).st_size
                    file.seek(0 if is_beyond else begin - starts[index])
                    content = b"" if is_beyond else file.read(limit)
            except FileNotFoundError:  # dropped since it was listed
                continue
            if content:
                return begin, content
            if index + 1 < len(starts):  # it was complete when it was listed: a gap follows
                offset = starts[index + 1]
            elif is_beyond:
                offset = 0
            else:
                return begin, b""

    def backwards(self) -> Iterator[tuple[int, bytes]]:
        """Each file's offset and content, the newest first."""
        for start in reversed(self._starts()):
            with suppress(FileNotFoundError):
                yield start, self._path(start).read_bytes()

    def remove(self) -> None:
        """Silent if there is nothing."""
        folder = self._lock()
        if folder is not None:
            try:
                shutil.rmtree(self.folder)
            finally:
                os.close(folder)

    @contextmanager
    def _mine(self) -> Iterator[int]:
        """The folder, made if need be, and ours alone."""
        folder = None
        while folder is None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # or something in the way, as _lock will find
                self.folder.mkdir(mode=0o700)
            folder = self._lock()
        try:
            yield folder
        finally:
            os.close(folder)

    def _lock(self) -> int | None:
        """None: the folder is not there, or was removed while we waited.

        Who has it writes and lets go, and a process that dies lets go too. One that was stopped does not: raises
        LogUnwritable.
        """
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return None
        deadline = time.monotonic() + self.lock_seconds
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(folder)
                    why = f"another process has had it for {self.lock_seconds:.0f} s"
                    cure = f"See which: fuser -v {self.folder}"
                    raise LogUnwritable(self.folder, 0, why, cure) from None
                time.sleep(LOOK_SECONDS)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(folder), self.folder.stat()):
                return folder
        os.close(folder)
        return None

    def _end(self, folder: int) -> tuple[int, int]:
        """Where the newest file begins, and its size without a torn end."""
        starts = _starts(os.listdir(folder))
        if not starts:
            return 0, 0
        file = os.open(_name(starts[-1]), os.O_RDWR, dir_fd=folder)
        try:
            size = os.fstat(file).st_size
            if self.holds_lines and size and os.pread(file, 1, size - 1) != b"\n":
                size = os.pread(file, size, 0).rfind(b"\n") + 1
                os.ftruncate(file, size)
        finally:
            os.close(file)
        return starts[-1], size

    def _drop(self, folder: int) -> None:
        """Makes room for one file more."""
        starts = _starts(os.listdir(folder))
        for start in starts[
            self.first_kept : max(self.first_kept, len(starts) + 1 - self.last_kept)
        ]:
            os.unlink(_name(start), dir_fd=folder)

    def _fitting(self, records: Sequence[bytes], first: int, size: int) -> int:
        """How many records go into this file: at least one."""
        count = 0
        for record in islice(records, first, None):
            size += len(record)
            if count and size > self.segment_bytes:
                break
            count += 1
        return count

    def _write(self, folder: int, start: int, records: Sequence[bytes]) -> int:
        """How many records were stored; fewer than given when the disk is full."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        file = os.open(_name(start), flags, 0o600, dir_fd=folder)
        try:
            written = os.write(file, b"".join(records))
            count = 0
            for record in records:
                if written < len(record):
                    if self.holds_lines:
                        os.ftruncate(file, os.fstat(file).st_size - written)
                    break
                written -= len(record)
                count += 1
            return count
        finally:
            os.close(file)

    def _starts(self) -> list[int]:
        try:
            return _starts([path.name for path in self.folder.iterdir()])
        except FileNotFoundError:
            return []

    def _path(self, start: int) -> Path:
        return self.folder / _name(start)


def _name(start: int) -> str:
    return f"{start:015d}{_SUFFIX}"


def _starts(names: Sequence[str]) -> list[int]:
    return sorted(int(name.removesuffix(_SUFFIX)) for name in names if name.endswith(_SUFFIX))
