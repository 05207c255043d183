"""The stack: a build image, a slim run image and a small one, made of Debian's packages without any image registry.

A tag names its definition (the files of `buildpacks/stack/`, the suite, the extra CA certificates), so an unchanged
stack is found again by one question to the engine, and a changed one is built beside the old.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.request import getproxies

from paas.errors import Failed

Report = Callable[[str], None]

LABEL = "paas.stack"
RUN_ALIAS = "paas/stack:run"
SMALL_ALIAS = "paas/stack:small"
BUILD_ALIAS = "paas/stack:build"
"""What a Dockerfile may name in FROM: the stack that was ensured last."""

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SCRIPTS = Path("/usr/share/debootstrap/scripts")
SCRATCH = Path("/var/tmp")
"""Not /tmp: that is often a tmpfs mounted nodev, in which no system can be installed."""

BASE_PACKAGES = "ca-certificates"
LEFT_OUT = (
    "./dev/*",
    "./usr/share/locale/*",
    "./usr/share/man/*",
    "./var/cache/apt/*",
    "./var/lib/apt/lists/*",
    "./var/log/*",
)
"""What debootstrap leaves behind and no image needs."""

ANSWER_SECONDS = 60.0
KILL_GRACE_SECONDS = 5.0
TAIL_LINES = 30


class StackFailed(Failed):
    """`why` is one line, `tail` the last lines of what the failing program said."""

    def __init__(self, stage: str, why: str, tail: Sequence[str] = ()) -> None:
        self.stage, self.tail = stage, tuple(tail)
        said = "".join(f"\n       {line}" for line in self.tail)
        super().__init__(f"The stack could not be built ({stage}): {why}{said}")


@dataclass(frozen=True, slots=True)
class StackImages:
    small: str
    run: str
    build: str


def stack_digest(definition_dir: Path, suite: str, ca_files: Sequence[Path]) -> str:
    """SHA-256 of all that decides what is in the images. The names and the order of `ca_files` do not."""
    digest = hashlib.sha256()
    parts = [("suite", suite.encode()), ("base", BASE_PACKAGES.encode())]
    parts += [
        (
            f"file {path.relative_to(definition_dir)} {path.stat().st_mode & 0o111:o}",
            path.read_bytes(),
        )
        for path in sorted(definition_dir.rglob("*"))
        if path.is_file()
    ]
    parts += [("certificate", content) for content in sorted({ca.read_bytes() for ca in ca_files})]
    for name, content in parts:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def stack_tag(definition_dir: Path, suite: str, ca_files: Sequence[Path]) -> str:
    """SUITE-DIGEST12: the images are `paas/stack:TAG-small`, `-run` and `-build`."""
    return f"{suite}-{stack_digest(definition_dir, suite, ca_files)[:12]}"


def ensure_stack(
    definition_dir: Path,
    suite: str,
    ca_files: Sequence[Path],
    report: Report,
    *,
    engine_url: str | None = None,
    mirror: str | None = None,
    deadline_seconds: float = 1200,
) -> StackImages:
    """The stack's images, made if the engine does not have them yet (one to three minutes, root needed).

    The aliases point to them afterwards. May be repeated, and killed at any moment: an image gets its tag when it is
    whole. `engine_url` and `mirror` default to what the docker client and debootstrap use by themselves.
    """
    digest = stack_digest(definition_dir, suite, ca_files)
    tag = stack_tag(definition_dir, suite, ca_files)
    images = StackImages(*(f"paas/stack:{tag}-{kind}" for kind in ("small", "run", "build")))
    aliases = {SMALL_ALIAS: images.small, RUN_ALIAS: images.run, BUILD_ALIAS: images.build}
    engine = _Engine(docker_command(engine_url))
    present = engine.image_ids([*aliases.values(), *aliases], digest)
    if not present.keys() >= set(aliases.values()):
        with tempfile.TemporaryDirectory(prefix="paas-stack-", dir=SCRATCH) as scratch:
            deadline = time.monotonic() + deadline_seconds
            work = _Work(Path(scratch), report, deadline, host_proxies())
            _build(work, engine, definition_dir, suite, ca_files, images, digest, mirror)
        present = engine.image_ids(list(aliases.values()), digest)
    for alias, image in aliases.items():
        if present.get(alias) != present[image]:
            engine.tag(image, alias)
    return images


def docker_command(engine_url: str | None = None) -> list[str]:
    """The docker client's argument list; Debian's own first, since a newer one may lack its BuildKit plug-in."""
    program = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else shutil.which("docker")
    if program is None:
        raise StackFailed("engine", "there is no docker program. Install it: apt install docker.io")
    return [program, *(["--host", engine_url] if engine_url else [])]


def bootstrap_command(suite: str, target: Path, mirror: str | None) -> list[str]:
    """Installs a minimal Debian: mmdebstrap writes the tar `target`, debootstrap fills a folder of that name."""
    if not KEYRING.exists():
        why = f"{KEYRING} is missing. Install it: apt install debian-archive-keyring"
        raise StackFailed("base", why)
    chosen = [f"--keyring={KEYRING}", "--variant=minbase", "--components=main"]
    chosen += [f"--include={BASE_PACKAGES}", suite, f"{target}"]
    # In a mount namespace of its own, so that whoever is killed leaves no /proc mounted below the folder.
    apart = ["unshare", "--mount", "--"]
    if mmdebstrap := shutil.which("mmdebstrap"):
        return [*apart, mmdebstrap, "--format=tar", *chosen, *([mirror] if mirror else [])]
    debootstrap = shutil.which("debootstrap")
    if debootstrap is None:
        raise StackFailed("base", "debootstrap is missing. Install it: apt install debootstrap")
    # A release newer than the program: all of them install like sid. An empty mirror is the default one.
    script = [] if (SCRIPTS / suite).exists() else [f"{SCRIPTS / 'sid'}"]
    return [*apart, debootstrap, "--force-check-gpg", *chosen, mirror or "", *script]


@dataclass(frozen=True, slots=True)
class _Engine:
    docker: Sequence[str]

    def image_ids(self, names: Sequence[str], digest: str) -> dict[str, str]:
        """Those of `names` that are images of this very definition, with their ids."""
        text = '{{.Id}} {{index .Config.Labels "' + LABEL + '"}}{{range .RepoTags}} {{.}}{{end}}'
        asked = self._ask("image", "inspect", "--format", text, *names)
        if asked.returncode and "No such image" not in asked.stderr:
            raise StackFailed("engine", (asked.stderr.strip() or "no answer").splitlines()[-1])
        found: dict[str, str] = {}
        for line in filter(None, asked.stdout.splitlines()):
            image_id, label, *tags = line.split(" ")
            found |= {name: image_id for name in tags if label == digest and name in names}
        return found

    def tag(self, image: str, alias: str) -> None:
        done = self._ask("image", "tag", image, alias)
        if done.returncode:
            raise StackFailed("engine", done.stderr.strip())

    def forget(self, image: str) -> None:
        """Silent if it is not there."""
        self._ask("image", "rm", image)

    def _ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self.docker, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=ANSWER_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise StackFailed("engine", f"no answer within {ANSWER_SECONDS} s") from None


@dataclass(frozen=True, slots=True)
class _Work:
    """One building of the stack: its folder, who is told, and until when."""

    scratch: Path
    report: Report
    deadline: float
    proxies: Mapping[str, str]

    def run(self, stage: str, argv: Sequence[str]) -> None:
        """To the end, or StackFailed with the last lines said. A passed deadline ends the whole process group."""
        log = self.scratch / "log"
        own = {"DOCKER_BUILDKIT": "1", "LC_ALL": "C.UTF-8", "TMPDIR": f"{self.scratch}"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.proxies, **own},
                start_new_session=True,
            )
            try:
                process.wait(timeout=max(0.0, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise StackFailed(stage, "it took too long", _tail(log)) from None
            finally:
                _end_group(process)
        if process.returncode:
            raise StackFailed(stage, f"exit code {process.returncode}", _tail(log))


def _build(
    work: _Work,
    engine: _Engine,
    definition_dir: Path,
    suite: str,
    ca_files: Sequence[Path],
    images: StackImages,
    digest: str,
    mirror: str | None,
) -> None:
    context = work.scratch / "context"
    shutil.copytree(definition_dir, context)
    (context / "ca").mkdir()
    for number, ca in enumerate(ca_files):
        shutil.copyfile(ca, context / "ca" / f"{number:02}-{ca.stem}.crt")

    work.report(f"Installing a minimal Debian {suite}")
    tar = work.scratch / "base.tar"
    work.run("base", bootstrap_command(suite, tar, mirror))
    if tar.is_dir():
        folder = tar.rename(work.scratch / "base")
        out = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        work.run("base", ["tar", "-C", f"{folder}", "--numeric-owner", *out, "-cf", f"{tar}", "."])

    base = f"paas/stack:{work.scratch.name}"  # another building at the same time has its own
    given = [f"BASE={base}", f"SUITE={suite}", *sorted(work.proxies)]
    options = ["--progress=plain", "--label", f"{LABEL}={digest}"]
    options += [part for argument in given for part in ("--build-arg", argument)]
    try:
        work.run("base", [*engine.docker, "import", f"{tar}", base])
        for target, image in asdict(images).items():
            work.report(f"Building the {target} image {image}")
            goal = ["--target", target, "--tag", image, f"{context}"]
            work.run(target, [*engine.docker, "build", *options, *goal])
    finally:
        engine.forget(base)


def host_proxies() -> dict[str, str]:
    """The proxies this process was given, as environment; for http also the one that the host's apt uses."""
    proxies = {f"{kind}_proxy": url for kind, url in getproxies().items()}
    if apt_config := shutil.which("apt-config"):
        asked = subprocess.run(
            [apt_config, "dump", "--format", "%v%n", "Acquire::http::Proxy"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        if (url := asked.stdout.strip()) and url != "DIRECT":
            proxies.setdefault("http_proxy", url)
    return proxies


def _tail(log: Path) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-TAIL_LINES:]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, then SIGKILL: a docker client that BuildKit floods does not heed the first."""
    for number, grace in ((signal.SIGTERM, KILL_GRACE_SECONDS), (signal.SIGKILL, None)):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
