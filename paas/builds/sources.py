"""SourceStore: pushed and uploaded trees, each as a tar under its source's id. (Long: what a tree may not hold.)

A tree comes from outside: before anything is done with it, `check` has read every member's header. What passes has
only files, folders and links that stay inside, however they are chained, nothing lies behind a link, and there is no
repository of git.
"""

import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from paas.errors import Invalid
from paas.store.builds import UnknownSource

FILE_LIMIT = 200_000
HEADER_BYTES = 1536
"""What a file adds to a tar beside its content, at most as a rule."""
ROOT_FILE_LIMIT = 64 * 1024
"""A file of the tree's root that is larger is not handed out by `check`."""
FILE_MODE = 0o644
"""A build's container reads it as another user; the folder around it is closed."""
PROCFILE = "Procfile"
APP_FILE = "app.json"
REPOSITORY = ".git"
"""No tree of git's has this name in it, however it is written: git run in such a tree would do what it says."""
READ = frozenset({PROCFILE, ".buildpacks", APP_FILE})
"""Files of the root that decide about a build."""
_READ_LIMIT = 1024 * 1024
_CHUNK = 1024 * 1024
_GZIP = b"\x1f\x8b"
_PATH_LIMIT = 2048
"""Bytes of a name. The kernel's own is 4096, with what stands before it."""
_LATEST = 1 << 33
"""Of the times that a file may bear."""


class InvalidSource(Invalid):
    """The tree cannot be taken. The message names the member."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"The source cannot be built: {why}.")


@dataclass(frozen=True, slots=True)
class Tree:
    """What `check` learnt."""

    files: int
    size: int
    """Bytes of all files."""
    root: frozenset[str]
    """The names of the files in the tree's root."""
    texts: Mapping[str, bytes]
    """The files of READ that are not too large, by name."""

    @property
    def procfile(self) -> bytes | None:
        return self.texts.get(PROCFILE)


NO_TREE = Tree(0, 0, frozenset(), {})
"""As long as nothing was checked."""


class SourceStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, source_id: str, chunks: Iterable[bytes], limit_mb: int) -> int:
        """The bytes written. There is nothing under this id before all of it is on disk. Raises InvalidSource."""
        with self.writing(source_id, limit_mb) as write:
            return sum(write(chunk) for chunk in chunks)

    @contextmanager
    def writing(self, source_id: str, limit_mb: int) -> Iterator[Callable[[bytes], int]]:
        """`write` for who gets the chunks one by one. Nothing is kept when the block raises."""
        path = self.place(source_id)
        temporary = path.with_suffix(".part")
        left = _tar_limit(limit_mb)
        try:
            with temporary.open("wb") as file:
                os.fchmod(file.fileno(), FILE_MODE)

                def write(chunk: bytes) -> int:
                    nonlocal left
                    left -= len(chunk)
                    if left < 0:
                        raise InvalidSource(f"it is larger than {limit_mb} MB")
                    return file.write(chunk)

                yield write
                to_disk(file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def has(self, source_id: str) -> bool:
        return self.place(source_id).exists()

    def path(self, source_id: str) -> Path:
        """Of the tar. Raises UnknownSource."""
        path = self.place(source_id)
        if not path.exists():
            raise UnknownSource(source_id)
        return path

    def open(self, source_id: str) -> IO[bytes]:
        """Raises UnknownSource."""
        return self.path(source_id).open("rb")

    def remove(self, source_id: str) -> None:
        """Silent if it is gone."""
        self.place(source_id).unlink(missing_ok=True)

    def check(self, source_id: str, limit_mb: int) -> Tree:
        """Reads all headers; a gzipped tar is a plain one afterwards. Raises InvalidSource or UnknownSource."""
        path = self.path(source_id)
        _unzip(path, limit_mb)
        with _Bounded(path.open("rb", buffering=0)) as file:
            try:
                with tarfile.open(fileobj=file, mode="r:") as tar:
                    tree = _check_members(tar, limit_mb)
                _check_end(file, tar.offset)
                return tree
            except InvalidSource:
                raise
            except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
                raise InvalidSource(f"it is not a whole tar archive ({error})") from None

    def place(self, source_id: str) -> Path:
        """Where its tar is, or is to be. Raises UnknownSource for what cannot be an id."""
        if not source_id.replace("-", "").isalnum():
            raise UnknownSource(source_id)
        return self._folder / f"{source_id}.tar"


class _Bounded(io.BufferedReader):
    """A file of which nobody reads much at once: a header that claims to be huge is no header."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _READ_LIMIT:
            raise InvalidSource("one of its headers is too long")
        return super().read(size)


def _check_members(tar: tarfile.TarFile, limit_mb: int) -> Tree:
    links: set[str] = set()
    files: set[str] = set()
    folders: set[str] = {""}
    size = 0
    texts: dict[str, bytes] = {}
    for count, member in enumerate(tar, start=1):
        if count > FILE_LIMIT:
            raise InvalidSource(f"it has more than {FILE_LIMIT} files")
        parts = parts_of(member.name)
        name = "/".join(parts)
        parents = ["/".join(parts[:end]) for end in range(1, len(parts))]
        if any(parent in links or parent in files for parent in parents):
            raise InvalidSource(f"{member.name!r} lies behind a link or a file")
        folders.update(parents)
        if member.isdir():
            if name in links or name in files:
                raise InvalidSource(f"{member.name!r} is there twice")
            folders.add(name)
            continue
        if name in links or name in files or name in folders:
            raise InvalidSource(f"{member.name!r} is there twice")
        if member.issym():
            _check_link(parts, member.linkname)
            links.add(name)
            continue
        if member.islnk() and "/".join(parts_of(member.linkname)) not in files:
            raise InvalidSource(
                f"{member.name!r} is a hard link to {member.linkname!r}, which is no file before it"
            )
        if not member.isreg() and not member.islnk():
            raise InvalidSource(f"{member.name!r} is neither a file, nor a folder, nor a link")
        if member.size < 0:
            raise InvalidSource(f"the size of {member.name!r} is wrong")
        size += member.size
        if size > limit_mb << 20:
            raise InvalidSource(f"its files are larger than {limit_mb} MB together")
        files.add(name)
        if name in READ and member.size <= ROOT_FILE_LIMIT:
            content = tar.extractfile(member)
            texts[name] = content.read(ROOT_FILE_LIMIT) if content else b""
    if not files:
        raise InvalidSource("it has no files")
    return Tree(len(files), size, frozenset(name for name in files if "/" not in name), texts)


def _check_end(file: _Bounded, offset: int) -> None:
    """After the last member only zeros: no member that another reader would find, and nothing was cut off."""
    file.seek(offset)
    length = 0
    while rest := file.read(_READ_LIMIT):
        if rest.strip(b"\0"):
            raise InvalidSource("it is not a whole tar archive (there is something behind its end)")
        length += len(rest)
    if length < tarfile.BLOCKSIZE:
        raise InvalidSource("it is not a whole tar archive (its end is missing)")


def parts_of(name: str) -> list[str]:
    """Of a path inside the tree. Raises InvalidSource."""
    if name.startswith("/") or "\0" in name:
        raise InvalidSource(f"{name!r} is not inside the tree")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InvalidSource(f"{name!r} is not inside the tree")
    if any(part.lower() == REPOSITORY for part in parts):
        raise InvalidSource(f"{name!r} belongs to a repository of git; leave {REPOSITORY} out")
    lengths = [len(os.fsencode(part)) for part in parts]
    if max(lengths, default=0) > 255 or sum(lengths) + len(parts) > _PATH_LIMIT:
        raise InvalidSource(f"the name {name[:60]!r}… is too long")
    return parts


def _check_link(parts: list[str], target: str) -> None:
    """Only leading `..` go up: the folders above a link are real ones, what its target names may be links again."""
    words = [word for word in target.split("/") if word not in ("", ".")]
    ups = 0
    while ups < len(words) and words[ups] == "..":
        ups += 1
    if target.startswith("/") or ups >= len(parts) or ".." in words[ups:]:
        raise InvalidSource(f"the link {'/'.join(parts)!r} leads out of the tree, to {target!r}")


def _unzip(path: Path, limit_mb: int) -> None:
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            return
        file.seek(0)
        temporary = path.with_suffix(".part")
        try:
            with temporary.open("wb") as plain:
                os.fchmod(plain.fileno(), FILE_MODE)
                _inflate(file, plain, _tar_limit(limit_mb), limit_mb)
                to_disk(plain)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _inflate(file: IO[bytes], plain: IO[bytes], left: int, limit_mb: int) -> None:
    inflater = zlib.decompressobj(wbits=31)
    try:
        while not inflater.eof:
            chunk = inflater.unconsumed_tail or file.read(_CHUNK)
            if not chunk:
                raise InvalidSource("its gzip data ends too early")
            data = inflater.decompress(chunk, _CHUNK)
            left -= len(data)
            if left < 0:
                raise InvalidSource(f"it is larger than {limit_mb} MB")
            plain.write(data)
    except zlib.error as error:
        raise InvalidSource(f"its gzip data is damaged ({error})") from None


def to_disk(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _tar_limit(limit_mb: int) -> int:
    return (limit_mb << 20) + FILE_LIMIT * HEADER_BYTES


def unpack(source: Path, folder: Path) -> None:
    """A checked tar into an empty folder, as the caller's own files.

    Not by tarfile's own extraction: what makes that safe is not in every Python 3.11 (Debian 12 has 3.11.2).
    """
    with tarfile.open(source, mode="r:") as tar:
        for member in tar:
            path = folder.joinpath(*parts_of(member.name))
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.issym():
                path.symlink_to(member.linkname)
            elif member.islnk():
                path.hardlink_to(folder.joinpath(*parts_of(member.linkname)))
            else:
                _write(tar, member, path)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None
    mode = 0o755 if member.mode & 0o100 else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
        os.fchmod(file.fileno(), mode)
    at = min(max(member.mtime, 0), _LATEST)
    os.utime(path, (at, at))
