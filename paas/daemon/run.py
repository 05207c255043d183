"""Runs a platform: takes its lock, ends what an earlier run left, migrates, and becomes the supervisor."""

import fcntl
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from paas.daemon import redis_server, sshd
from paas.daemon.backup import clear_leftovers
from paas.daemon.folder import User, Users, folders, write
from paas.daemon.init import UNFINISHED
from paas.daemon.names import HAPROXY, REDIS
from paas.daemon.programs import MINIMUM_FILES, supervisor_configuration
from paas.engine import router_tunnels, tunnels
from paas.errors import Conflict
from paas.needed import WHERE, check_needed
from paas.routers.own_address import note_own_address
from paas.running import end, forget_ended, running
from paas.settings import SETTINGS, Settings
from paas.store.database import Database
from paas.store.hosts import HostStore
from paas.store.migrate import migrate, refuse_newer
from paas.store.routers import RouterStore

LOCK_FD = 2 * MINIMUM_FILES
"""The supervisor closes whatever is below its minimum."""
KEPT_VARIABLES = (
    "TZ",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
)
"""Of the caller's environment. The rest is the caller's own affair, and may be secret."""


class AlreadyRunning(Conflict):
    def __init__(self, directory: Path, pid: str) -> None:
        super().__init__(
            f"The platform in {directory} runs already (process {pid}). "
            f"See: paasd status {directory}"
        )


class PortTaken(Conflict):
    def __init__(self, settings: Settings, why: str) -> None:
        super().__init__(
            f"The router's port {settings.http_port} on {settings.bind_address} cannot be had: {why}. End what has it "
            f"(ss -ltnp), or set another http_port in {settings.directory / SETTINGS}."
        )


class Unfinished(Conflict):
    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"The platform in {directory} was never finished: paasd init, or paasd restore, was cut. Do that again."
        )


def run(directory: Path) -> None:
    """Does not return. A living HAProxy is left alone: the one that is started takes its connections over.

    Nothing is ended before it is sure that this program may run the platform. Raises NotAPlatform, SettingInvalid,
    Unfinished, ProgramMissing, HAProxyTooOld, UnknownUser, RootNeeded, AlreadyRunning, PortTaken, RecordTooNew or
    MigrationFailed.
    """
    settings = Settings.load(directory)
    if (settings.directory / UNFINISHED).exists():
        raise Unfinished(directory)
    check_needed()
    users = Users.of(settings)
    for folder in folders(settings, users):
        folder.make()
    lock = take_lock(settings)
    refuse_newer(settings.record)
    end_leftovers(settings, keep=(HAPROXY,))
    if HAPROXY not in {program.name for program in running(settings)}:
        check_port(settings)
    migrate(settings.record)
    clear_leftovers(settings)
    write_configurations(settings, users)
    become_supervisor(lock, settings)


def become_supervisor(lock: int, settings: Settings) -> None:
    """Does not return. `lock` is the folder's."""
    note_program(settings)
    os.dup2(lock, LOCK_FD)  # the copy is inherited; paas.daemon.hold ends that
    os.chdir(settings.directory)
    argv = [sys.executable, "-I", "-m", "paas.daemon.hold", str(LOCK_FD)]
    os.execve(argv[0], [*argv, str(supervisor_file(settings))], environment(settings, os.environ))


def environment(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """What every program of the platform begins with."""
    kept = {name: given[name] for name in KEPT_VARIABLES if name in given}
    return {"PATH": WHERE, "LANG": "C.UTF-8", "HOME": str(settings.directory / "home"), **kept}


def check_port(settings: Settings) -> None:
    """HAProxy would share its port with another HAProxy, and each get half of the requests. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in settings.bind_address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.bind_address, settings.http_port))
        except PermissionError:
            return  # HAProxy says so itself
        except OSError as error:
            raise PortTaken(settings, error.strerror or str(error)) from None


def note_program(settings: Settings) -> None:
    """Which installed program runs the platform, or would: the installer looks whether it is its own."""
    write(settings.run / "program", f"{Path(sys.prefix).resolve()}\n", User.caller(), 0o644)


def take_lock(settings: Settings) -> int:
    """One supervisor per folder. Raises AlreadyRunning."""
    path = settings.run / "lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning(settings.directory, path.read_text().strip() or "?") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def end_leftovers(settings: Settings, keep: tuple[str, ...] = ()) -> None:
    """What outlived its supervisor. Redis last: the others may still have something to say to it."""
    left = [program for program in running(settings) if program.name.split(".")[0] not in keep]
    end([program for program in left if program.name != REDIS])
    end([program for program in left if program.name == REDIS])
    forget_ended(settings)


def write_configurations(settings: Settings, users: Users) -> None:
    redis_server.write_configuration(settings, users)
    sshd.write_configuration(settings, users)
    text = supervisor_configuration(settings, users)
    write(supervisor_file(settings), text, User.caller(), 0o600)
    record = Database(settings.record)
    hosts, routers = HostStore(record), RouterStore(record)
    note_own_address(hosts, routers)
    tunnels.write_programs(hosts.all(), settings)
    router_tunnels.write_programs(routers.all(), settings)
    record.close()


def supervisor_file(settings: Settings) -> Path:
    return settings.run / "supervisor.conf"


@click.command("run")
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Run a platform in the foreground; SIGTERM stops it."""
    run(directory)
