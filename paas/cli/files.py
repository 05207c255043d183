"""Which files of a folder are its source: all but what git's own rules leave out, committed or not."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from paas.cli.text import plain
from paas.errors import Failed, Invalid

REPOSITORY = ".git"
HERE = "."
"""What git calls a submodule that is no repository, when it is asked in there."""
SUBMODULE = "160000"
"""The mode of one in git's index."""


class NotCheckedOut(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{plain(name)} is a submodule whose files are not here. Type: git submodule update --init --recursive"
        )


class NotListed(Failed):
    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"git could not list the files of {folder}: {why}")


def has_git() -> bool:
    try:
        return _git(Path(), "--version").returncode == 0
    except OSError:
        return False


def files_by_git(folder: Path, above: str = "") -> Iterator[str]:
    """Their names below `folder`, with `above` before each. Raises NotCheckedOut and NotListed."""
    listed = _listed(folder)
    for name in sorted(listed.files | listed.repositories):
        path, shown = folder / name, f"{above}{name}"
        if name in listed.repositories and _is_folder(path):
            if not any(path.iterdir()):
                raise NotCheckedOut(shown)
            yield from files_by_git(path, f"{shown}/")
        elif _is_file(folder, name):
            yield shown


def all_files(folder: Path) -> Iterator[str]:
    """Their names below `folder`, whatever a .gitignore says; without repositories."""
    for above, folders, names in os.walk(folder):
        links = [name for name in folders if Path(above, name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links) - {REPOSITORY})
        for name in sorted({*names, *links} - {REPOSITORY}):
            yield str(Path(above, name).relative_to(folder))


@dataclass(frozen=True, slots=True)
class Listed:
    """By git, in a folder. What was deleted and not committed is named too."""

    files: frozenset[str]
    repositories: frozenset[str]


def _listed(folder: Path) -> Listed:
    """Raises NotListed."""
    if _git(folder, "rev-parse", "--is-inside-work-tree").stdout.strip() == b"true":
        listed = _listed_in(folder)
        if HERE not in listed.repositories:
            return listed
    with tempfile.TemporaryDirectory() as beside:
        _git(folder, "init", "--quiet", beside)
        return _listed_in(folder, f"--git-dir={beside}/.git", f"--work-tree={folder}")


def _listed_in(folder: Path, *where: str) -> Listed:
    known = [entry.split("\t", 1) for entry in _names(folder, *where, "ls-files", "-z", "--stage")]
    others = _names(folder, *where, "ls-files", "-z", "--others", "--exclude-standard")
    submodules = {name.rstrip("/") for mode, name in known if mode.startswith(SUBMODULE)}
    within = {name.rstrip("/") for name in others if name.endswith("/")}
    files = {name for _, name in known} | {name for name in others if not name.endswith("/")}
    return Listed(frozenset(files), frozenset(submodules | within))


def _names(folder: Path, *args: str) -> list[str]:
    found = _git(folder, *args)
    if found.returncode != 0:
        said = found.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotListed(folder, plain((said or ["no reason given"])[-1]))
    return [os.fsdecode(name) for name in found.stdout.split(b"\0") if name]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_file(folder: Path, name: str) -> bool:
    """Or a link; and not behind a link that took the place of a folder."""
    above = [*PurePath(name).parents][:-1]
    is_behind = any((folder / each).is_symlink() for each in above)
    path = folder / name
    return os.path.lexists(path) and not _is_folder(path) and not is_behind


def _git(folder: Path, *args: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["git", *args], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
