"""The lock files of poetry and pipenv: their own programs say what is in them, hashes too; uv installs that."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from manifest import Kind
from pack import ProgramFailed, ask, fail, say, title

EXPORTED = Path(tempfile.gettempdir()) / "exported-requirements.txt"

_POETRY = [
    "uv",
    "tool",
    "run",
    "--quiet",
    "--from",
    "poetry>=2,<3",
    "--with",
    "poetry-plugin-export>=1.9",
    "poetry",
]
_PIPENV = ["uv", "tool", "run", "--quiet", "pipenv>=2024"]
_PROGRAMS = {
    Kind.POETRY: [[*_POETRY, "export", "--format=requirements.txt"]],
    Kind.PIPENV: [[*_PIPENV, "verify"], [*_PIPENV, "requirements", "--hash"]],
}
"""The last one prints what is to be installed. poetry sees by itself whether the lock is up to date."""
LOCKS_OF_OTHERS = frozenset(_PROGRAMS)

SAID_LINES = 3
RENEW = {Kind.POETRY: "poetry lock", Kind.PIPENV: "pipenv lock"}
_OF_THE_TREE = re.compile(r"""^type = "(directory|file)"$|^\s*"(path|file)":""", re.MULTILINE)


def export(kind: Kind, app: Path, environment: Mapping[str, str]) -> None:
    """To EXPORTED. A lock that is broken, or older than what it locks, ends the build."""
    title(f"Reading {kind.value} with {RENEW[kind].partition(' ')[0]}")
    try:
        *_, told = [ask(program, app, environment) for program in _PROGRAMS[kind]]
    except ProgramFailed as error:
        say("\n".join(error.output.strip().splitlines()[-SAID_LINES:]))
        fail(f"{kind.value} cannot be used. Type {RENEW[kind]}, and commit what it writes")
    EXPORTED.write_text(told)


def is_of_the_tree(lock: Path) -> bool:
    """Something is installed from a folder or a file of the app: the same lock may install something else."""
    return bool(_OF_THE_TREE.search(lock.read_text(errors="replace")))


def is_for_another(venv: Path) -> bool:
    """There was something to install, and nothing was: the lock names a Python beside each package."""
    wanted = any(line[:1].isalnum() for line in EXPORTED.read_text().splitlines())
    return wanted and not any(venv.glob("lib/python*/site-packages/*.dist-info"))
