"""What an app says about itself: which file lists its packages, and which Python it asks for."""

import json
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pack import fail


class Kind(StrEnum):
    """The file that decides, in this order; the value is its name."""

    UV = "uv.lock"
    PIPENV = "Pipfile.lock"
    REQUIREMENTS = "requirements.txt"
    POETRY = "poetry.lock"
    PYPROJECT = "pyproject.toml"
    PIPFILE = "Pipfile"


@dataclass(frozen=True, slots=True)
class AskedVersion:
    text: str
    file: str


def manifest_of(app: Path) -> Kind | None:
    return next(iter(manifests_of(app)), None)


def manifests_of(app: Path) -> list[Kind]:
    """All that are there; the first decides. Settings of a linter make no app."""
    return [
        kind
        for kind in Kind
        if (app / kind.value).is_file() and (kind is not Kind.PYPROJECT or _may_name_project(app))
    ]


def pyproject(app: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((app / "pyproject.toml").read_text())
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(f"pyproject.toml cannot be read: {error}")


def _may_name_project(app: Path) -> bool:
    """Also if it cannot be read: installing from it says what is wrong."""
    try:
        return "project" in tomllib.loads((app / "pyproject.toml").read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return True


def asked_version(app: Path) -> AskedVersion | None:
    """From .python-version, else runtime.txt, else what Pipfile.lock requires; None: any."""
    for name in (".python-version", "runtime.txt"):
        if not (app / name).is_file():
            continue
        lines = [
            line.split("#")[0].strip()
            for line in (app / name).read_text(errors="replace").splitlines()
        ]
        words = [line for line in lines if line]
        if len(words) != 1:
            fail(f"{name} must hold one Python version, such as 3.13. It holds {len(words)}.")
        return AskedVersion(words[0].removeprefix("python-").removeprefix("cpython-"), name)
    return _asked_by_pipenv(app)


def _asked_by_pipenv(app: Path) -> AskedVersion | None:
    """None also if it cannot be read: pipenv says what is wrong with it."""
    try:
        required = json.loads((app / Kind.PIPENV).read_text())["_meta"]["requires"]
        wanted = required.get("python_full_version") or required["python_version"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return AskedVersion(str(wanted), Kind.PIPENV.value)


def check_version(asked: AskedVersion, have: str) -> str | None:
    """A remark for the pusher when only the patch differs; the build ends when more does."""
    if not re.fullmatch(r"\d+(\.\d+(\.(\d+|\*|x))?)?", asked.text):
        fail(
            f"{asked.file} asks for '{asked.text}', which is no Python version. To be had here: {have}"
        )
    wanted = [part for part in asked.text.split(".") if part.isdigit()]
    given = have.split(".")
    if wanted[:2] != given[: len(wanted[:2])]:
        fail(
            f"{asked.file} asks for Python {asked.text}. To be had here: {have}\n"
            f"Write {'.'.join(given[:2])} into {asked.file}, or bring your own Python with a Dockerfile."
        )
    if wanted != given[: len(wanted)]:
        return f"{asked.file} asks for {asked.text}; this stack has {have}, and that is used"
    return None
