"""Where tests build an app by a buildpack and start it, without a platform around them."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import httpx

from paas.builds.stack import StackImages, docker_command, ensure_stack
from tests.eventually import eventually

ROOT = Path(__file__).resolve().parents[2]
BUILDPACKS = ROOT / "buildpacks"
APPS = ROOT / "tests/apps"
CERTIFICATES = sorted(Path("/usr/local/share/ca-certificates").glob("*.crt"))

USER = "20000:20000"
LIMITS = ["--init", "--user", USER, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
START = 'for f in /app/.profile.d/*.sh; do [ -e "$f" ] && . "$f"; done; eval "exec $1"'
COMPILE = (
    "/buildpacks/$1/bin/compile /app /cache /env && echo ===== && "
    "if [ -e /buildpacks/$1/bin/release ]; then /buildpacks/$1/bin/release /app; fi"
)
DETECT = (
    'for name in "$@"; do said=$(/buildpacks/$name/bin/detect /app) && echo "$said" && exit; done'
)


@dataclass(frozen=True)
class Built:
    accepted: bool
    output: str
    web: str
    """The default web process; empty if the buildpack names none."""


@dataclass(frozen=True)
class Started:
    container: str

    def address(self) -> str:
        template = "{{.NetworkSettings.IPAddress}}"
        return docker("inspect", "--format", template, self.container).stdout.strip()

    def get(self, path: str = "/") -> httpx.Response:
        """As soon as it listens."""
        url = f"http://{self.address()}:5000{path}"
        answers: list[httpx.Response] = []

        def asked() -> bool:
            try:
                answers.append(httpx.get(url, timeout=20))
            except httpx.ConnectError as error:
                raise AssertionError(f"{error}: {self.log()}") from error
            return True

        eventually(asked, within=20)
        return answers[0]

    def is_running(self) -> bool:
        state = docker("inspect", "--format", "{{.State.Running}}", self.container)
        return state.stdout.strip() == "true"

    def stop(self, grace_seconds: int = 10) -> int:
        """SIGTERM, then SIGKILL; the exit code."""
        docker("stop", "--time", f"{grace_seconds}", self.container)
        return self.end()

    def end(self) -> int:
        """The exit code, once it has ended by itself."""
        return int(docker("wait", self.container).stdout)

    def log(self) -> str:
        said = docker("logs", self.container)
        return said.stdout + said.stderr


class Workshop:
    """An app's folder, cache and config, and the containers started from it, which end with it."""

    def __init__(self, folder: Path, stack: StackImages) -> None:
        self.stack = stack
        self.app, self.cache, self.env = folder / "app", folder / "cache", folder / "env"
        for own in (self.cache, self.env):
            own.mkdir(parents=True)
        self._containers: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for container in self._containers:
            docker("rm", "--force", container)

    def source(self, name: str | None = None, files: Mapping[str, str] | None = None) -> None:
        """The app's folder, new: a sample's files, and those given."""
        shutil.rmtree(self.app, ignore_errors=True)
        shutil.copytree(APPS / name, self.app) if name else self.app.mkdir()
        for path, text in (files or {}).items():
            (self.app / path).parent.mkdir(parents=True, exist_ok=True)
            (self.app / path).write_text(text)

    def detected(self) -> str | None:
        """What the first buildpack in the order that knows the app calls it."""
        order = (BUILDPACKS / "order").read_text().split()
        done = self.run_in_build_image(["sh", "-c", DETECT, "detect", *order])
        return done.stdout.strip() or None

    def build(self, pack: str, **config: str) -> Built:
        for name, value in config.items():
            (self.env / name).write_text(value)
        done = self.run_in_build_image(["sh", "-c", COMPILE, "build", pack])
        output, _, release = done.stdout.partition("=====\n")
        web = release.partition("web: ")[2]
        return Built(done.returncode == 0, output, json.loads(web) if web else "")

    def run_in_build_image(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        folders = [f"{self.app}", f"{self.cache}", f"{self.env}"]
        subprocess.run(["chown", "-R", USER, *folders], check=True)
        mounts = [f"{self.app}:/app", f"{self.cache}:/cache"]
        mounts += [f"{self.env}:/env:ro", f"{BUILDPACKS}:/buildpacks:ro"]
        volumes = [part for mount in mounts for part in ("--volume", mount)]
        options = ["--rm", *LIMITS, *volumes, "--env", "STACK=trixie"]
        return docker("run", *options, self.stack.build, *command, check=False)

    def start(self, command: str, **env: str) -> Started:
        """A process of the app, on the run image."""
        shell = ["bash", "-c", START, "start", command]
        return self._start(["--volume", f"{self.app}:/app", self.stack.run, *shell], env)

    def start_image(self, image: str) -> Started:
        return self._start([image], {})

    def _start(self, arguments: Sequence[str], env: Mapping[str, str]) -> Started:
        given = [f"{name}={value}" for name, value in {"PORT": "5000", **env}.items()]
        variables = [part for pair in given for part in ("--env", pair)]
        options = ["--detach", *LIMITS, "--memory", "512m", *variables]
        container = docker("run", *options, *arguments).stdout.strip()
        self._containers.append(container)
        return Started(container)


def the_stack() -> StackImages:
    return ensure_stack(BUILDPACKS / "stack", "trixie", CERTIFICATES, [].append)


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = ["env", "DOCKER_BUILDKIT=1", *docker_command(), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=250)
