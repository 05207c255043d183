"""A person at a shell, and the API that their `paas` speaks to."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from paas.cli.dispatch import run
from paas.cli.session import Environment
from tests.unit.cli.api import TOKEN, Api, serve_tcp

PAAS = Path(sys.executable).with_name("paas")


@dataclass(frozen=True)
class Typed:
    """What came of a command."""

    out: str
    err: str
    code: int


class User:
    """Types commands in a folder of their own, logged in."""

    def __init__(self, folder: Path, url: str, terminal: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.config = folder.parent / "paas.toml"
        self.environment = Environment(config=str(self.config), url=url, token=TOKEN)
        self._terminal = terminal

    def types(self, line: str) -> Typed:
        """In this process: quick. Standard input is no terminal and holds nothing."""
        _, *words = shlex.split(line)
        self._terminal.readouterr()
        with chdir(self.folder):
            code = run(words, self.environment)
        out, err = self._terminal.readouterr()
        return Typed(out, err, code)

    def really_types(self, line: str, stdin: bytes = b"", **environment: str) -> Typed:
        """As a process of its own, from the installed script."""
        _, *words = shlex.split(line)
        done = subprocess.run(
            [PAAS, *words], input=stdin, capture_output=True, cwd=self.folder, check=False,
            env={**self.process_environment(), **environment},
        )  # fmt: skip
        return Typed(done.stdout.decode(), done.stderr.decode(), done.returncode)

    def process_environment(self) -> dict[str, str]:
        given = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)}
        if self.environment.url and self.environment.token:
            given |= {"PAAS_URL": self.environment.url, "PAAS_TOKEN": self.environment.token}
        return given | {"PAAS_CONFIG": str(self.config)}

    def is_not_logged_in(self) -> None:
        self.environment = replace(self.environment, url=None, token=None)

    def has_remote(self, url: str, name: str = "paas") -> None:
        self.git("init", "--quiet")
        self.git("remote", "add", name, url)

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def url(api: Api) -> Iterator[str]:
    with serve_tcp(api) as url:
        yield url


@pytest.fixture
def user(tmp_path: Path, url: str, capfd: pytest.CaptureFixture[str]) -> User:
    folder = tmp_path / "my-app"
    folder.mkdir()
    return User(folder, url, capfd)
