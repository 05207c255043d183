"""The folder of a lab, and what the kernel does not take away by itself when a lab's process ends."""

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MEMORY, DISK = Path("/dev/shm"), Path("/var/tmp")
ROOM_BYTES = 6 * 10**9
"""What the engines of a lab may need: in memory if there is that much, where an image is loaded in half the time."""
PREFIX = "paas-lab-"
CONTROL_GROUPS = Path("/sys/fs/cgroup")
PATIENCE_SECONDS = 20.0


@contextmanager
def own_folder() -> Iterator[Path]:
    """New; its name is the lab's, short enough for a link's. First the leftovers of labs whose process is dead go."""
    with ExitStack() as held:
        base = MEMORY if shutil.disk_usage(MEMORY).free > ROOM_BYTES else DISK
        with _lock(DISK):
            _remove_leftovers()
            folder = base / f"{PREFIX}{secrets.token_hex(3)}"
            folder.mkdir()
            folder.chmod(0o711)  # its hosts' users pass, and see nothing
            held.enter_context(_lock(folder))
        held.callback(_remove, folder)
        yield folder


def control_groups(name: str) -> list[Path]:
    """Of the lab's containers, in each hierarchy that this machine has: one, or version 1's dozen."""
    trees = (folder / name for folder in (CONTROL_GROUPS, *CONTROL_GROUPS.iterdir()))
    return [tree for tree in trees if tree.is_dir()]


@contextmanager
def _lock(folder: Path, options: int = 0) -> Iterator[None]:
    """Held by this process alone, to its end at the latest."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | options)
        yield
    finally:
        os.close(descriptor)


def _remove_leftovers() -> None:
    for folder in (*MEMORY.glob(f"{PREFIX}*"), *DISK.glob(f"{PREFIX}*")):
        try:
            with _lock(folder, fcntl.LOCK_NB):
                _remove(folder)
        except BlockingIOError:
            continue  # its process lives


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    for tree in control_groups(folder.name):
        for group, _, _ in os.walk(tree, topdown=False):
            _remove_control_group(Path(group), deadline)
    shutil.rmtree(folder)


def _remove_control_group(group: Path, deadline: float) -> None:
    """Its last process may still be ending."""
    while True:
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
