"""BuildKit, by the docker program: its only caller for builds. The SDK cannot drive BuildKit."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from paas.errors import Failed, Unavailable

BUILT_IN_BEFORE = 23
"""A client older than this drives BuildKit itself; a newer one needs its buildx plug-in."""
CANDIDATES = ("/usr/bin/docker", "/usr/local/bin/docker")
ASK_SECONDS = 20
CHUNK = 64 * 1024
NOWHERE = "/nonexistent"
_HIDDEN = re.compile(
    r"\[(internal|auth)\]|exporting |resolve image config|copy /context|importing cache|docker-image://"
)
"""Steps that are BuildKit's own."""
_PROGRESS = re.compile(
    r"sha256:|extracting |resolve |transferring |naming |writing |DONE\b|CANCELED\b|\.\.\.$"
)
_PREFIXES = re.compile(
    r"^(ERROR: |failed to (solve|build)( with frontend \S+)?: |failed to create LLB definition: )+"
)
_BASE = re.compile(r"\[internal\] load metadata for (\S+)")
_CLIPPED = re.compile(r"\d+\.\d+ \[output clipped, (.*)\]")
_EXIT = re.compile(r"(?:executor failed running|process) .*exit code: (\d+)$")
_SECRET = "PAAS_SECRET_"
"""How the variables begin by which the docker program is handed secrets."""
PERHAPS_MEMORY = "killed, perhaps for want of memory"
_SUMMARY = "------"
"""From here on the failed step's output is repeated; the very last line is the error."""
_ENGINE_GONE = "connect to the docker daemon"


class NoBuildKit(Unavailable):
    def __init__(self, tried: Sequence[str]) -> None:
        super().__init__(
            f"No docker program here can drive BuildKit (tried: {', '.join(tried) or 'none is there'}). "
            "Install docker-buildx, or a docker.io older than version 23."
        )


class DockerfileFailed(Failed):
    """A step failed, or the Dockerfile cannot be built at all. The message says which and why, in one line."""


class BuildKitGone(Unavailable):
    """The engine did not answer the docker program."""


def docker_program() -> str:
    """The first docker program that can drive BuildKit; found out once per process. Raises NoBuildKit."""
    return _docker_program(os.environ.get("PATH", os.defpath))


@cache
def _docker_program(path: str) -> str:
    found = [shutil.which("docker", path=path), *CANDIDATES]
    programs = [name for name in dict.fromkeys(found) if name and Path(name).exists()]
    for program in programs:
        if _ask(program, "buildx", "version").returncode == 0:
            return program
        # It tells its own version and fails when the engine does not answer.
        said = _ask(program, "version", "--format", "{{.Client.Version}}").stdout
        version = re.match(r"(\d+)\.", said)
        if version and int(version[1]) < BUILT_IN_BEFORE:
            return program
    raise NoBuildKit(programs)


def _ask(program: str, *argv: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [program, *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_SECONDS,
        check=False, env={"PATH": os.defpath, "HOME": NOWHERE},
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What BuildKit is told."""

    context: Path
    """The folder of the tree; a .dockerignore is heeded."""
    dockerfile: Path
    """Wherever it is; `NAME.dockerignore` beside it comes before the tree's."""
    target: str | None = None
    """The stage; None: the last."""
    engine_url: str
    tag: str
    labels: Mapping[str, str]
    scratch: Path
    """A folder of this build's own, outside the context."""
    args: Mapping[str, str] = field(default_factory=dict)
    """Build arguments. Their values are not in the command line; they are in the environment of the docker program, so
    no name may mean something to that."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Id -> value."""


class ImageBuild:
    """A running build. It ends when the process that began it does: BuildKit ends what no client follows."""

    def __init__(self, recipe: Recipe) -> None:
        """Starts it. Raises NoBuildKit."""
        self._progress = Progress()
        self._iid_file = recipe.scratch / "iid"
        self._is_asked_to_end = False
        argv = [docker_program(), "build", "--progress=plain", "--iidfile", str(self._iid_file)]
        argv += ["--tag", recipe.tag, "--file", str(recipe.dockerfile)]
        argv += ["--target", recipe.target] if recipe.target else []
        argv += [
            word for key, value in recipe.labels.items() for word in ("--label", f"{key}={value}")
        ]
        argv += [word for key in recipe.args for word in ("--build-arg", key)]
        for number, secret in enumerate(recipe.secrets):
            argv += ["--secret", f"id={secret},env={_SECRET}{number}"]
        if setpriv := shutil.which("setpriv"):
            argv = [setpriv, "--pdeathsig", "KILL", *argv]
        self._process = subprocess.Popen(
            [*argv, str(recipe.context)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, env=_environment(recipe),
        )  # fmt: skip

    def lines(self) -> Iterator[str]:
        """What is worth reading of its output, as it comes."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                yield from self._progress.read(line.decode("utf-8", "replace").rstrip("\r\n"))
        self._process.wait()

    def end(self) -> None:
        """The first time it is asked to; a client that BuildKit floods does not heed that, so then it is killed."""
        number = signal.SIGKILL if self._is_asked_to_end else signal.SIGTERM
        self._is_asked_to_end = True
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Nothing of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def image(self) -> str:
        """The engine's id of what was built; after the last line. Raises DockerfileFailed or BuildKitGone."""
        if self._process.returncode == 0:
            return self._iid_file.read_text().strip()
        reason = self._progress.reason
        raise BuildKitGone(reason) if _ENGINE_GONE in reason.lower() else DockerfileFailed(reason)


def _environment(recipe: Recipe) -> Mapping[str, str]:
    """Nothing of the caller's: no docker context, no credentials.

    The docker program finds no other program: git would do in the context what the tree's own configuration says.
    """
    secrets = enumerate(recipe.secrets.values())
    return {
        **recipe.args,
        **{f"{_SECRET}{number}": value for number, value in secrets},
        "PATH": NOWHERE,
        "HOME": str(recipe.scratch),
        "DOCKER_CONFIG": str(recipe.scratch / "docker"),
        "DOCKER_HOST": recipe.engine_url,
        "DOCKER_BUILDKIT": "1",
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "BUILDX_GIT_INFO": "false",
        "BUILDX_GIT_LABELS": "false",
        "GIT_DIR": NOWHERE,
    }


class Progress:
    """Reads `--progress=plain`: which step a line belongs to stands before it."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._shown = ""
        """The number of the step whose lines stand last."""
        self._failed: tuple[str, str] | None = None
        self._is_over = False
        self._last = "the docker program failed"

    @property
    def reason(self) -> str:
        """Why it failed, in one line."""
        if self._failed is None:
            return _PREFIXES.sub("", self._last)
        title, error = self._failed
        if base := _BASE.match(title):
            return f"the base image {base[1]} could not be had: {error}"
        if code := _EXIT.search(error):
            killed = f" ({PERHAPS_MEMORY})" if code[1] == "137" else ""
            return f"{title} failed with exit code {code[1]}{killed}"
        return f"{title}: {error}"

    def read(self, line: str) -> Iterator[str]:
        """What is to be shown of one line."""
        numbered = re.match(r"#(\d+) (.*)", line)
        if numbered is None or self._is_over:
            self._is_over = self._is_over or line == _SUMMARY
            self._last = line.strip() or self._last
            return
        number, text = numbered[1], numbered[2]
        is_new = number not in self._titles
        title = self._titles.setdefault(number, text)
        if text.startswith("ERROR: "):
            self._failed = self._failed or (title, text.removeprefix("ERROR: "))
        if _HIDDEN.match(title) or _PROGRESS.match(text):
            return
        if is_new or number != self._shown:
            self._shown = number
            yield title  # again, when another step has printed meanwhile
        if is_new:
            return
        if clipped := _CLIPPED.match(text):
            yield f"  [the engine cut this step's output here: {clipped[1]}]"
        elif printed := re.match(r"\d+\.\d+ (.*)", text):
            yield f"  {printed[1]}"
        elif text == "CACHED":
            yield "  (from the cache)"
        elif text != title:
            yield f"  {text}"
