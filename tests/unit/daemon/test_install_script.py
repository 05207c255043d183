"""What install.sh refuses before it changes anything. That it installs is shown on bare machines, not here."""

import re
import subprocess
from pathlib import Path

import pytest

ROUTER = ["--router", "edge", "--platform", "abcd2345"]
SCRIPT = Path(__file__).resolve().parents[3] / "install.sh"


def install(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def test_it_says_what_it_can_be_told() -> None:
    said = install("--help")

    assert said.returncode == 0
    options = {
        "--domain",
        "--http-port",
        "--api-port",
        "--ssh-port",
        "--dir",
        "--ca",
        "--no-sample",
        "--router",
        "--platform",
        "--table-port",
        "--password",
    }
    assert set(re.findall(r"^  (--[a-z-]+)", said.stdout, re.MULTILINE)) == options


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--color"], "There is no option '--color'"),
        (["--domain"], "--domain needs a value"),
        (["--http-port", "http"], "'http' is no port"),
        (["--ssh-port=70000"], "'70000' is no port"),
        (["--http-port", "5000"], "The three ports must differ"),
        (["--domain", "a b"], "'a b' is no domain"),
        (["--domain", "$(reboot)"], "is no domain"),
        (["--dir", "here"], "'here' cannot be the folder"),
        (["--dir", "/srv/my platform"], "cannot be the folder"),
        (["--dir", "/" + "x" * 80], "too long for the sockets"),
        (["--ca", "/etc/passwd"], "is no certificate in PEM form"),
        (["--router", "Edge"], "'Edge' is no router's name"),
        (["--platform", "abcd2345"], "'' is no router's name"),
        (["--router", "edge", "--platform", "x"], "'x' is no platform's id"),
        (["--router", "edge", "--platform", "abcd2345"], "not the password of a route table"),
        (["--router", "edge", "--domain", "a.example"], "A router has no --domain"),
        (["--router", "edge", "--table-port", "x"], "'x' is no port"),
        ([*ROUTER, "--password", "a" * 63 + "'"], "not the password of a route table"),
        ([*ROUTER, "--password", "-"], "not the password of a route table"),
        ([*ROUTER, "--password", "a" * 64, "--table-port=80"], "must differ"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(words: list[str], why: str) -> None:
    said = install(*words)

    assert said.returncode == 1
    assert why in said.stderr
    assert said.stdout == ""


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").touch()

    ports = ["--http-port=61001", "--api-port=61002", "--ssh-port=61003"]
    said = install("--dir", str(tmp_path), *ports)

    assert said.returncode == 1
    assert re.search("is not empty, and is no platform|needs root|This system is", said.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]
