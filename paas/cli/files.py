"""Which files of a folder are its source: all but what git's own rules leave out, committed or not."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from paas.cli.text import plain
from paas.errors import Failed, Invalid

REPOSITORY = ".git"


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


def commit_of(folder: Path) -> str:
    """What is checked out there; empty if the files are not those of a commit."""
    if _git(folder, "status", "--porcelain", "--", ".").stdout:
        return ""
    found = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    top = _git(folder, "rev-parse", "--show-prefix").stdout.strip() == b""
    return found.stdout.decode().strip() if found.returncode == 0 and top else ""


def files_by_git(folder: Path, above: str = "") -> Iterator[str]:
    """Their names below `folder`, with `above` before each. Raises NotCheckedOut and NotListed."""
    for name in sorted(_listed(folder)):
        path, shown = folder / name, f"{above}{name}"
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                raise NotCheckedOut(shown)
            yield from files_by_git(path, f"{shown}/")
        elif os.path.lexists(path):  # git also names what was deleted and not committed
            yield shown


def all_files(folder: Path) -> Iterator[str]:
    """Their names below `folder`, whatever a .gitignore says; without repositories."""
    for above, folders, names in os.walk(folder):
        links = [name for name in folders if Path(above, name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links) - {REPOSITORY})
        for name in sorted({*names, *links} - {REPOSITORY}):
            yield str(Path(above, name).relative_to(folder))


def _listed(folder: Path) -> set[str]:
    """As git names them: a repository within ends with a slash, or is a folder."""
    inside = _git(folder, "rev-parse", "--is-inside-work-tree").stdout.strip() == b"true"
    with tempfile.TemporaryDirectory() as beside:
        where: list[str] = []
        if not inside:
            _git(folder, "init", "--quiet", beside)
            where = [f"--git-dir={beside}/.git", f"--work-tree={folder}"]
        asked = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        found = _git(folder, *where, *asked)
    if found.returncode != 0:
        said = found.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotListed(folder, plain((said or ["no reason given"])[-1]))
    return {os.fsdecode(name).rstrip("/") for name in found.stdout.split(b"\0") if name}


def _git(folder: Path, *args: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["git", *args], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
