"""What the import contracts cannot say about the house."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = sorted(path for package in ("paas", "router") for path in (ROOT / package).rglob("*.py"))
LONGEST = 300
BAGS = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "misc",
    "tools",
    "manager",
    "service",
    "base",
}
READ_THE_ENVIRONMENT = {
    "paas/builds/fetch.py",  # a program of its own, in a container, as the next
    "paas/builds/way_out.py",
    "paas/builds/stack.py",  # programs that are started need it whole: proxies, PATH
    "paas/cli/main.py",
    "paas/daemon/run.py",
    "paas/engine/buildkit.py",  # the docker program is looked for in PATH
    "paas/git/door.py",
    "paas/git/receive.py",
    "paas/git/restore.py",
}
"""The entrances, and nobody else."""
SERVER = {"alembic", "docker", "fastapi", "paramiko", "redis", "rq", "sqlalchemy", "uvicorn"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_room_is_small_or_says_why_it_is_long() -> None:
    lines = {name_of(path): path.read_text().splitlines() for path in ROOMS}

    long = {name: text for name, text in lines.items() if len(text) > LONGEST}
    assert not [name for name, text in long.items() if "(Long" not in text[0]]


def test_a_room_is_not_a_bag() -> None:
    assert not [name_of(path) for path in ROOMS if path.stem in BAGS]


def test_a_room_says_what_is_in_it() -> None:
    texts = {name_of(path): path.read_text() for path in ROOMS if path.stat().st_size}

    assert not [name for name, text in texts.items() if not ast.get_docstring(ast.parse(text))]


def test_the_environment_is_read_at_the_entrances() -> None:
    readers = {name_of(path) for path in ROOMS if "os.environ" in path.read_text()}

    assert readers <= READ_THE_ENVIRONMENT
    assert not [name_of(path) for path in ROOMS if "getenv" in path.read_text()]


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("paas.cli.dispatch", []),
        ("paas.git.door", ["-S"]),  # without site-packages
        ("paas.git.receive", ["-S"]),
    ],
)
def test_what_runs_without_the_server_loads_nothing_of_it(module: str, options: list[str]) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True
    )

    assert not SERVER & set(done.stdout.split())
