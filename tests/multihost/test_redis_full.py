"""Redis' disk is full: it is read and takes no writes. Who is served is served on, and who waits is told why."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from redis import RedisError

from paas.supervision import Supervision
from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.load import Load
from tests.integration.user import User
from tests.multihost.fleet import APP, Fleet

SIZE_MB = 16
TOLD_SECONDS = 10
WHY = "Redis takes no writes (MISCONF Errors writing to the AOF file: No space left on device)"


@pytest.fixture
def small_disk(fleet: Fleet) -> Iterator[Path]:
    """Redis writes to a disk of its own. Afterwards it begins anew, and is filled from the record."""
    installation = fleet.installation
    folder, supervision = installation.directory / "redis", Supervision(installation.settings)
    with ExitStack() as undo:
        disk = Path(tempfile.mkdtemp(prefix="paas-redis-"))
        undo.callback(disk.rmdir)
        supervision.stop(["redis"])
        undo.callback(is_filled, installation)
        undo.callback(supervision.restart, "redis")
        undo.callback(shutil.rmtree, folder / "appendonlydir")
        mount("-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", f"{disk}")
        undo.callback(subprocess.run, ["umount", "--lazy", disk], check=True)
        shutil.copytree(folder, disk, dirs_exist_ok=True)
        mount("--bind", f"{disk}", f"{folder}")
        undo.callback(subprocess.run, ["umount", "--lazy", folder], check=True)
        undo.callback(supervision.stop, ["redis"])
        supervision.restart("redis")
        yield disk


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def is_filled(installation: Installation) -> None:
    eventually(lambda: not takes_no_writes(installation), within=10)
    eventually(lambda: installation.platform.routes.version(), within=10)


def takes_no_writes(installation: Installation) -> bool:
    """Asked by a write that needs room. True also while nobody answers."""
    try:
        installation.platform.redis.set("large", "x" * 10_000, ex=1)
    except RedisError:
        return True
    return False


@contextmanager
def full(disk: Path, installation: Installation) -> Iterator[None]:
    large = disk / "large"
    with large.open("wb") as file:
        free = os.statvfs(large).f_bavail * os.statvfs(large).f_frsize
        os.posix_fallocate(file.fileno(), 0, free)
    eventually(lambda: takes_no_writes(installation), within=10)
    yield
    large.unlink()


def test_no_request_fails_who_waits_is_told_why_and_it_heals_by_itself(
    fleet: Fleet, small_disk: Path, user: User, load: Load
) -> None:
    before = {row.id for row in fleet.rows(APP)}
    user.commits(None, to=APP, files={"NEWS": "2"})
    with full(small_disk, fleet.installation):
        begin = time.monotonic()
        scaling = user.begins(f"paas scale web=6 -a {APP}")
        assert scaling.stdout
        while WHY not in (line := scaling.stdout.readline()):
            assert line
        told = time.monotonic() - begin
        push, pushed = user.pushes_again(APP), time.monotonic() - begin - told
        doctor = user.types("paas doctor")
        load.goes_on(3)
        served = load.containers(time.time() - 3)

    output, _ = scaling.communicate(timeout=60)
    assert told < TOLD_SECONDS
    assert push.rejected and WHY in push.output, push.output
    assert pushed < TOLD_SECONDS
    assert doctor.code == 1 and "cannot write to its disk" in doctor.out, doctor.text
    assert served == before
    assert scaling.returncode == 0, output
    assert sorted(fleet.where(APP).values()) == ["h1", "h1", "h2", "h2", "h3", "h3"]
    assert user.pushes_again(APP).accepted
    load.goes_on()
    assert not load.failures, load.report
