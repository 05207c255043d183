"""A person at a terminal: real git, real ssh, the real command line."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

APPS = Path(__file__).resolve().parents[1] / "apps"
PAAS = Path(sys.executable).parent / "paas"
SECONDS = 240


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def error(self) -> str:
        """The one line that says what was wrong, after what it said it would do."""
        assert self.code != 0, self.text
        *_, line = self.err.splitlines()
        assert line.startswith("paas: "), self.err
        assert self.err.count("paas: ") == 1, self.err
        return line


@dataclass(frozen=True)
class Push:
    accepted: bool
    output: str
    """Without the `remote: ` that git puts before each line."""
    commit: str

    @property
    def rejected(self) -> bool:
        return not self.accepted


@dataclass
class User:
    name: str
    home: Path
    http_port: int
    apps_domain: str
    created: list[str] = field(default_factory=list)
    begun: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        ssh = self.home / ".ssh"
        options = ["-F", f"{ssh / 'config'}", "-o", f"UserKnownHostsFile={ssh / 'known_hosts'}"]
        return {
            "PATH": f"{PAAS.parent}:{os.environ['PATH']}",
            "HOME": f"{self.home}",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PAAS_CONFIG": f"{self.home / '.config' / 'paas'}",
            "GIT_SSH_COMMAND": shlex.join(["ssh", *options, "-o", "IdentitiesOnly=yes"]),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": self.name,
            "GIT_AUTHOR_EMAIL": f"{self.name}@example.com",
            "GIT_COMMITTER_NAME": self.name,
            "GIT_COMMITTER_EMAIL": f"{self.name}@example.com",
        }

    def folder(self, app: str) -> Path:
        """Where this person works on the app."""
        return self.home / "work" / app

    def creates(self, app: str) -> Said:
        """In a new folder under git, so that the remote is added."""
        folder = self.folder(app)
        folder.mkdir(parents=True)
        self._git(folder, "init", "--quiet", "--initial-branch", "main")
        said = self.types(f"paas create {app}", within=folder)
        assert said.code == 0, said.text
        self.created.append(app)
        return said

    def commits(
        self, sample: str | None, to: str, files: Mapping[str, str | None] | None = None
    ) -> str:
        """The sample app of that name as it is, then `files`: None takes one away. The commit."""
        folder = self.folder(to)
        if sample is not None:
            for path in folder.iterdir():
                if path.name != ".git":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            shutil.copytree(APPS / sample, folder, dirs_exist_ok=True)
        for name, text in (files or {}).items():
            path = folder / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        self._git(folder, "add", "--all")
        self._git(folder, "commit", "--quiet", "--allow-empty", "--message", f"{sample or to}")
        return self._git(folder, "rev-parse", "HEAD").strip()

    def pushes(
        self,
        sample: str | None,
        to: str,
        *,
        files: Mapping[str, str | None] | None = None,
        refspec: str = "main",
    ) -> Push:
        """Commits and pushes."""
        commit = self.commits(sample, to, files)
        return self.pushes_again(to, refspec=refspec, commit=commit)

    def pushes_again(self, to: str, *, refspec: str = "main", commit: str = "") -> Push:
        """What is committed."""
        said = self.types(f"git push paas {refspec}", within=self.folder(to))
        lines = [line.removeprefix("remote: ").rstrip() for line in said.err.splitlines()]
        return Push(said.code == 0, "\n".join(lines) + "\n", commit)

    def deployed(self, sample: str, app: str, **files: str) -> None:
        """Creates and pushes: what a test begins with."""
        self.creates(app)
        push = self.pushes(sample, to=app, files=files)
        assert push.accepted, push.output

    def types(self, line: str, *, within: Path | None = None, stdin: str = "") -> Said:
        """A command line; no shell reads it."""
        done = subprocess.run(
            shlex.split(line),
            cwd=within or self.home,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def begins(self, line: str, *, within: Path | None = None) -> subprocess.Popen[str]:
        """A command that goes on, in a process group of its own, as at a terminal."""
        process = subprocess.Popen(
            shlex.split(line),
            cwd=within or self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.begun.append(process)
        return process

    def interrupts(self, process: subprocess.Popen[str]) -> str:
        """Ctrl-C; what was printed before."""
        os.killpg(process.pid, signal.SIGINT)
        return process.communicate(timeout=30)[0]

    def visits(self, app: str, path: str = "/", host: str | None = None) -> httpx.Response:
        """Through the router. `app` is its name; `host` another hostname than the app's own."""
        headers = {"Host": host or f"{app}.{self.apps_domain}"}
        url = f"http://127.0.0.1:{self.http_port}{path}"
        return httpx.get(url, headers=headers, timeout=30, trust_env=False)

    def leaves(self) -> None:
        """Takes everything along."""
        for process in self.begun:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.begun.clear()
        for app in self.created:
            self.types(f"paas destroy {app} --confirm {app}")
            shutil.rmtree(self.folder(app))
        self.created.clear()

    def _git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=self.environment, capture_output=True, text=True, check=True
        )  # fmt: skip
        return done.stdout
