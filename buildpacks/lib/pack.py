"""What every buildpack of ours needs: words to the pusher, config from ENV_DIR, programs, and a cache.

Runs on the build image's own Python, standard library only.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

PROFILE_FOLDER = ".profile.d"

NEVER_EXPORTED = frozenset(
    {
        "BASH_ENV",
        "CPATH",
        "CPPATH",
        "ENV",
        "GIT_DIR",
        "HOME",
        "IFS",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
    }
    | {"LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "SHELLOPTS", "TMPDIR"}
    | {"VIRTUAL_ENV"}
)
"""Config vars that are meant for the app and would lead the build's own tools astray."""


class ProgramFailed(Exception):
    """A program of the build said no. `output` is all it said."""

    def __init__(self, argv: Sequence[str], code: int, output: str) -> None:
        self.argv, self.code, self.output = tuple(argv), code, output
        super().__init__(f"{Path(argv[0]).name} ended with exit code {code}")


def title(text: str) -> None:
    _write(f"-----> {text}\n")


def say(text: str) -> None:
    for line in text.splitlines():
        _write(f"       {line}\n")


def fail(text: str) -> NoReturn:
    """Ends the build: what is wrong, and what would help."""
    for line in text.splitlines():
        _write(f" !     {line}\n")
    sys.exit(1)


MEMORY_PROFILE = Path(__file__).with_name("memory.sh")
"""For .profile.d: how many processes a web server should start."""


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def config_vars(env_dir: Path) -> dict[str, str]:
    """All of ENV_DIR, as the app will see it."""
    if not env_dir.is_dir():
        return {}
    return {
        file.name: os.fsdecode(file.read_bytes()) for file in env_dir.iterdir() if file.is_file()
    }


def build_environment(config: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """For the programs of a build: config that can do no harm, then ours. HOME is a folder outside the app."""
    home = Path(tempfile.gettempdir()) / "home"
    home.mkdir(exist_ok=True)
    given = {name: value for name, value in config.items() if name not in NEVER_EXPORTED}
    return {**os.environ, **given, "HOME": f"{home}", "NO_COLOR": "1", **own}


def run(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """The program's output, shown line by line as it comes. ProgramFailed if it says no."""
    heard: list[str] = []
    with subprocess.Popen(
        argv,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            heard.append(line)
            _write(f"       {line.rstrip()}\n")
    if process.returncode:
        raise ProgramFailed(argv, process.returncode, "".join(heard))
    return "".join(heard)


def ask(argv: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """The program's standard output, not shown. ProgramFailed, with what it complained about, if it says no."""
    asked = subprocess.run(
        argv,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if asked.returncode:
        raise ProgramFailed(argv, asked.returncode, asked.stderr)
    return asked.stdout


def run_hook(app: Path, name: str, environment: Mapping[str, str]) -> None:
    """A script of the app's own, bin/NAME, if there is one."""
    hook = app / "bin" / name
    if not hook.is_file():
        return
    title(f"Running bin/{name}")
    try:
        run(["bash", f"{hook}"], app, environment)
    except ProgramFailed as error:
        fail(f"bin/{name} failed: {error}")


def digest_of(parts: Iterable[bytes | str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        digest.update(f"{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def has_web_process(app: Path) -> bool:
    procfile = app / "Procfile"
    return procfile.is_file() and bool(
        re.search(
            r"^\s*web\s*:\s*\S",
            procfile.read_text(encoding="utf-8-sig", errors="replace"),
            re.MULTILINE,
        )
    )


def write_profile(build_dir: Path, name: str, text: str) -> None:
    """A script that every start of the app sources."""
    folder = build_dir / PROFILE_FOLDER
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


class KeptTree:
    """A folder kept from one build to the next under the digest of what it was made from.

    The key goes first and comes last, so that a build killed in between leaves no tree that looks whole.
    """

    def __init__(self, cache_dir: Path, name: str) -> None:
        self._key = cache_dir / f"{name}.key"
        self._tree = cache_dir / name

    def restore(self, key: str, target: Path) -> bool:
        if not self._key.exists() or self._key.read_text() != key:
            return False
        copy_tree(self._tree, target)
        return True

    def keep(self, key: str, source: Path) -> None:
        self.drop()
        copy_tree(source, self._tree)
        self._key.write_text(key)

    def drop(self) -> None:
        self._key.unlink(missing_ok=True)
        remove_tree(self._tree)


def copy_tree(source: Path, target: Path) -> None:
    """As cp -a, which is several times faster than shutil here."""
    remove_tree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", "--", f"{source}", f"{target}"], check=True)


def remove_tree(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
