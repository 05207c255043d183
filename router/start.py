"""HAProxy's start: its files from what was last known, and the taking over from one that still serves."""

import os
import resource
from contextlib import suppress
from pathlib import Path

from router.config import LOG_FD, Edge, render
from router.folder import Folder, Last
from router.haproxy import HAProxy, HAProxyGone
from router.log import open_pipe
from router.plan import FIRST_SLOTS, label_of, plan_table
from router.running import Running
from router.steps import Claim


def configure(folder: Folder, edge: Edge) -> None:
    """Writes every file that HAProxy reads: as the living one runs, else from the last good table, else empty."""
    folder.path.mkdir(exist_ok=True)
    try:
        running = HAProxy(folder).read()
    except HAProxyGone:
        running = from_last(folder.read_last())
    folder.write(render(running, edge, folder))


def from_last(last: Last | None) -> Running:
    """What HAProxy is to run when nothing runs: each app in the slot it had, so that whoever still writes about those
    slots writes about the same apps."""
    if last is None:
        return Running(FIRST_SLOTS)
    running, routes = Running(max(FIRST_SLOTS, last.slot_count)), last.read_routes()
    for app_id, slot in last.slots.items():
        route = routes.get(app_id)
        if route is not None and slot in running.free:
            running.apply(Claim(slot, label_of(route)))
    while steps := plan_table(routes, running, now=0):
        for step in steps:
            running.apply(step)
    return running


def become_haproxy(folder: Folder, edge: Edge) -> None:
    """Does not return. A living HAProxy hands its sockets over and finishes what it has; none of its requests is lost.

    Notes pid and start time first, which stay the same: that is how the next one finds this one.
    """
    old = living(folder)
    configure(folder, edge)
    argv = [
        "haproxy",
        "-W",
        "-q",
        "-f",
        str(folder.config),
        "-p",
        str(folder.pid),
        "-S",
        str(folder.master),
    ]
    for socket in folder.path.glob("master-*.sock"):
        if born(int(socket.stem.removeprefix("master-"))) is None:
            socket.unlink()
    if old is not None:
        with suppress(
            FileNotFoundError
        ):  # under this name the follower asks the old one what it still has in flight
            folder.master.rename(folder.path / f"master-{old}.sock")
        argv += ["-x", str(folder.admin), "-sf", str(old)]
    folder.write({folder.born: f"{os.getpid()} {born(os.getpid())}\n"})
    os.dup2(open_pipe(folder.log_pipe), LOG_FD)
    os.set_inheritable(LOG_FD, True)  # it may have been that number already
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.execvp(argv[0], argv)


def living(folder: Folder) -> int | None:
    """Pid of the HAProxy that serves this folder: its master, or its worker when the master is gone."""
    with suppress(FileNotFoundError, ValueError):
        pid, started = folder.born.read_text().split()
        if born(int(pid)) == started:
            return int(pid)
    with suppress(HAProxyGone):
        return HAProxy(folder).worker().pid
    return None


def born(pid: int) -> str | None:
    """When a process was started, in ticks since the machine was. None: there is none, or only its corpse."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if facts[0] in "ZX" else facts[19]
