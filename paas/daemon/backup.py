"""Copies a running platform into one file.

What is in it: the record, the keys, the door's secrets, the repositories, the sources and the settings; and what the
registry has for hosts elsewhere, if there are any. Other images are not: they are made again of the sources. The file
holds every secret of the platform and is readable by its maker alone.
"""

import fcntl
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from paas.errors import Conflict
from paas.settings import SETTINGS, Settings
from paas.store.migrate import copy, version

FORMAT = 1
MANIFEST = "backup.json"
SCRATCH = "backup-"
IN_THE_MAKING = ("tmp_", "paas-push.", ".")
"""How the names of files begin that are not whole yet, or of no use elsewhere."""


class FileExists(Conflict):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already. Name a new file, or remove that one.")


def backup(settings: Settings, target: Path, now: float, *, has_images: bool = True) -> None:
    """`target` appears when it is complete. Nothing is stopped and nobody waits. Raises FileExists.

    The record is copied first and whole, so what it names was there before; what came since is too much and does no
    harm.
    """
    if target.exists():
        raise FileExists(target)
    clear_leftovers(settings)
    with _scratch(settings, target.absolute().parent) as scratch:
        record = scratch / "paas.db"
        copy(settings.record, record)
        whole = scratch / target.name
        with tarfile.open(whole, "w", format=tarfile.PAX_FORMAT) as tar:
            _add_manifest(tar, settings, version(record), now)
            _add(tar, record, "record/paas.db")
            for path in (*_files(settings), *(_images(settings) if has_images else ())):
                _add(tar, path, str(path.relative_to(settings.directory)))
        whole.chmod(0o600)
        with whole.open("rb") as written:
            os.fsync(written.fileno())
        whole.rename(target)


def clear_leftovers(settings: Settings) -> None:
    """What a killed backup left, with all the secrets in it. One that is being made is left alone."""
    for note in settings.run.glob(f"{SCRATCH}*"):
        left = note.readlink()
        if left.is_dir() and not left.is_symlink():
            with _locked(left) as is_ours:
                if not is_ours:
                    continue
                shutil.rmtree(left)
        note.unlink(missing_ok=True)


@contextmanager
def _scratch(settings: Settings, parent: Path) -> Iterator[Path]:
    """On the file system that the backup will be on. Noted before anything is in it, and locked while it is used."""
    with tempfile.TemporaryDirectory(dir=parent, prefix=f".{SCRATCH}") as name:
        scratch = Path(name)
        with _locked(scratch):
            note = settings.run / scratch.name.removeprefix(".")
            note.symlink_to(scratch)
            yield scratch
    note.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """False: somebody else has it."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(held)


def _files(settings: Settings) -> Iterator[Path]:
    yield settings.directory / SETTINGS
    for folder in (settings.keys, settings.door):
        yield from sorted(path for path in folder.iterdir() if path.is_file())
    for repository in sorted(settings.repositories.glob("[!.]*.git")):
        yield from _repository(repository)
    yield from _below(settings.sources)


def _repository(path: Path) -> Iterator[Path]:
    """First what points, then the objects it points to: a push in between adds some, and takes none away.

    To tidy up is to put objects into another file, so they are looked for until there is nothing new.
    """
    objects = path / "objects"
    yield from (file for file in _below(path) if objects not in file.parents)
    seen: set[Path] = set()
    while found := [file for file in _below(objects) if file not in seen]:
        seen.update(found)
        yield from found


def _images(settings: Settings) -> Iterator[Path]:
    """Of the registry. First what points, then what it points to, as with a repository."""
    store = settings.registry / "images" / "docker" / "registry" / "v2"
    yield from (path for path in _below(store / "repositories") if "_uploads" not in path.parts)
    yield from _below(store / "blobs")


def _below(folder: Path) -> Iterator[Path]:
    """The files, in order, as far as they are there at the moment."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(IN_THE_MAKING))
        for name in sorted(names):
            path = Path(parent) / name
            if not name.startswith(IN_THE_MAKING) and path.is_file() and not path.is_symlink():
                yield path


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    """Silent if it is gone by now: whatever pointed to it was copied before, so nothing does."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        member = tarfile.TarInfo(name)
        held = os.fstat(file.fileno())
        member.size, member.mtime, member.mode = held.st_size, int(held.st_mtime), 0o600
        tar.addfile(member, file)


def _add_manifest(tar: tarfile.TarFile, settings: Settings, record: str | None, now: float) -> None:
    told = {"format": FORMAT, "platform": settings.platform, "record": record, "at": now}
    text = json.dumps(told).encode()
    member = tarfile.TarInfo(MANIFEST)
    member.size, member.mtime, member.mode = len(text), int(now), 0o600
    tar.addfile(member, io.BytesIO(text))


@click.command("backup")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--without-images",
    is_flag=True,
    help="Leave the registry's out: hosts elsewhere wait until they are built again.",
)
def command(directory: Path, file: Path, *, without_images: bool) -> None:
    """Copy a platform, running or not, into FILE."""
    backup(Settings.load(directory), file, time.time(), has_images=not without_images)
    size = file.stat().st_size
    click.echo(f"{file}: {size / 1e6:.1f} MB. It holds every secret of the platform: keep it safe.")
