"""A disk without room: apps are served on, what cannot be written is told in one line, and nothing is lost."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.user import User

SIZE_MB = 700
"""A build asks for 512 MB."""


@pytest.fixture
def small(the_stack: None) -> Iterator[Installation]:
    """A platform on a disk of its own."""
    with ExitStack() as undo:
        folder = Path(tempfile.mkdtemp(prefix="paas-disk-"))
        undo.callback(folder.rmdir)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", folder], check=True
        )
        undo.callback(subprocess.run, ["umount", "--lazy", folder], check=True)
        installation = Installation.make(within=folder)
        undo.callback(installation.destroy)
        installation.run()
        yield installation


def fill(installation: Installation) -> Path:
    """The file that takes the room."""
    path = installation.directory.parent / "large"
    with path.open("wb") as file:
        free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
        os.posix_fallocate(file.fileno(), 0, free)
    return path


def test_a_full_disk_is_told_and_nothing_is_lost(small: Installation) -> None:
    # given an app that serves
    user = small.welcomes("ana", is_admin=True)
    user.deployed("python-web", "shop")
    before = user.types("paas releases -a shop --json").out

    # when there is no room left
    user.commits(None, to="shop", files={"new.txt": "new"})
    large = fill(small)
    push = user.pushes_again("shop")
    said = {
        line: user.types(f"paas {line}")
        for line in ("config:set A=b -a shop", "scale web=2 -a shop", "create shoe --no-remote",
                     "domains:add www.shop.example -a shop")
    }  # fmt: skip

    # then it is said, and the app serves on
    assert push.rejected and "Traceback" not in push.output, push.output
    for line, answer in said.items():
        assert "disk" in answer.error, (line, answer.text)
    assert user.visits("shop").json()["release"] == "v1"
    doctor = user.types("paas doctor")
    assert doctor.code == 1 and "disk" in doctor.text, doctor.text

    # and with room everything goes on
    large.unlink()
    assert user.types("paas releases -a shop --json").out == before
    eventually(lambda: is_pushed(user), within=10)  # Redis tries to write once a second
    eventually(lambda: user.visits("shop").json()["release"] == "v2")


def is_pushed(user: User) -> bool:
    again = user.pushes_again("shop")
    assert again.accepted, again.output
    return True
