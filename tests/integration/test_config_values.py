"""Config reaches the process byte for byte, and stands nowhere in clear on the way."""

import secrets
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from paas.model.container import Container
from tests.integration.installation import Installation
from tests.integration.user import User

DOCKERFILE = 'FROM paas/stack:run\nCOPY server.py .\nCMD ["python3", "server.py"]\n'
MARK = f"s3cr3t{secrets.token_hex(8)}"
"""In every value, and nowhere else in the world."""
VALUES = {
    "LINES": f"{MARK}\nsecond\r\n\n\ttabbed\nlast\n",
    "QUOTES": f'it\'s "{MARK}" `twice` \\ \\n %s %',
    "DOLLARS": f"$HOME ${{{MARK}}} $(id) $$ )!!! &&|;<>*?[]{{}}~#",
    "UTF8": f"{MARK} Grüße, Привет, 🦉\u200b\u202e",
    "SPACES": f"  {MARK}  ",
    "JSON": f'{{"a": [1, "{MARK}"]}}',
    "LONG": (MARK + "0123456789abcdef" * 2048)[: 32 * 1024],
    "EMPTY": "",
}
KINDS = {"buildpack": {}, "dockerfile": {"Dockerfile": DOCKERFILE}}


class CommandLines:
    """Watches those of every process of this machine for the mark."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self.looks = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.05):
            self.looks += 1
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    text = line.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                except OSError:
                    continue  # it has ended
                if MARK in text:
                    self.found.add(text)


@pytest.fixture(scope="module")
def secretive(installation: Installation) -> Iterator[User]:
    """Has two apps with all the values, one of each kind, deployed, reconfigured and failed once."""
    user = installation.welcomes("secretive")
    try:
        files = {key: user.home / f"value-{key}" for key in VALUES}
        for key, value in VALUES.items():
            files[key].write_text(value, newline="")
        words = " ".join(f"{key}=@{file}" for key, file in files.items())
        with CommandLines() as watched:
            for kind, added in KINDS.items():
                user.creates(kind)
                said = user.types(f"paas config:set {words} -a {kind}")
                assert said.code == 0 and MARK not in said.text, said.text
                push = user.pushes("echo-env", to=kind, files=added)
                assert push.accepted and MARK not in push.output, push.output
                said = user.types(f"paas config:set OTHER=x -a {kind}")
                assert said.code == 0, said.text
                push = user.pushes(None, to=kind, files={"server.py": CRASHES})
                assert push.rejected and MARK not in push.output, push.output
        assert not watched.found
        assert watched.looks > 20
        yield user
    finally:
        user.leaves()


CRASHES = """\
import os, sys
print("this app keeps its secrets:", sorted(os.environ))
sys.exit(1)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_in_the_process_byte_for_byte(secretive: User, kind: str) -> None:
    environment: Mapping[str, str] = secretive.visits(kind).json()

    assert {key: environment[key] for key in VALUES} == VALUES


def test_they_are_told_to_who_asks_and_to_no_log(
    secretive: User, installation: Installation
) -> None:
    for kind in KINDS:
        assert secretive.types(f"paas config:get LONG -a {kind}").out.strip() == VALUES["LONG"]
        for command in ("logs -n 1500", "releases", "ps", "info", "builds", "config"):
            assert MARK not in secretive.types(f"paas {command} -a {kind}").text, command
    folders = [path for path in installation.directory.iterdir() if path.name != "home"]
    found = subprocess.run(
        ["grep", "-rlaF", "--devices=skip", MARK, *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_redis_was_never_told_them(secretive: User, installation: Installation) -> None:
    """Its append-only file has every write since it was started, in clear."""
    (written,) = (installation.directory / "redis").rglob("*.incr.aof")
    commands = written.read_bytes()

    assert secretive.created == list(KINDS)
    assert installation.platform.apps.named("buildpack").id.encode() in commands
    assert MARK.encode() not in commands


@pytest.mark.parametrize("kind", KINDS)
def test_no_image_holds_them(secretive: User, installation: Installation, kind: str) -> None:
    image = image_of(running(installation, kind), installation)
    for question in (["history", "--no-trunc"], ["image", "inspect"]):
        told = subprocess.run(["docker", *question, image], capture_output=True, check=True).stdout
        assert MARK.encode() not in told

    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        found = subprocess.run(["grep", "-qaF", MARK], stdin=saving.stdout, check=False)

    assert (found.returncode, saving.returncode) == (1, 0)


def running(installation: Installation, name: str) -> Container:
    platform = installation.platform
    (row,) = platform.containers.of(platform.apps.named(name).id)
    return row


def image_of(row: Container, installation: Installation) -> str:
    release = installation.platform.releases.get(row.dyno.app_id, row.dyno.release)
    assert release.image is not None
    image = installation.platform.builds.image(release.image)
    assert image is not None
    return image.where[row.host]
