"""A folder as a tar, piece by piece: nothing of it is held, and nothing is written down."""

import re
import stat
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from paas.cli.text import plain
from paas.errors import Conflict, Invalid

CHUNK = 256 * 1024
POINTER_SIZES = range(100, 400)
"""Bytes of a Git LFS pointer."""
POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n")


class FileChanged(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"{plain(name)} was changed while it was sent. Type it again.")


class OnlyPointer(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"{plain(name)} is only a pointer of Git LFS. Type: git lfs pull")


class NoFile(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{plain(name)} is neither a file nor a link, and cannot be sent. Name it in .gitignore"
        )


def pack(folder: Path, names: Iterable[str]) -> Iterator[bytes]:
    """Raises FileChanged, OnlyPointer, NoFile and OSError."""
    for name in names:
        path = folder / name
        seen = path.lstat()
        member = tarfile.TarInfo(name)
        member.mtime = int(seen.st_mtime)
        if stat.S_ISLNK(seen.st_mode):
            member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
            yield _header(member)
        elif stat.S_ISREG(seen.st_mode):
            member.size = seen.st_size
            member.mode = 0o755 if seen.st_mode & 0o100 else 0o644
            yield _header(member)
            yield from _content(path, name, member.size)
        else:
            raise NoFile(name)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(member: tarfile.TarInfo) -> bytes:
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def _content(path: Path, name: str, size: int) -> Iterator[bytes]:
    """As many bytes as the header says, and what fills the last block."""
    left = size
    with path.open("rb") as file:
        while left:
            data = file.read(min(CHUNK, left))
            if not data:
                raise FileChanged(name)
            if left == size and size in POINTER_SIZES and POINTER.match(data):
                raise OnlyPointer(name)
            left -= len(data)
            yield data
    yield bytes(-size % tarfile.BLOCKSIZE)
