"""`paasd router`: makes and runs a router on a machine of its own."""

import sys
from pathlib import Path

import click

from paas.daemon.names import FOLLOWER, HAPROXY
from paas.daemon.router_folder import NEEDED, RouterFolder
from paas.daemon.router_state import Part, await_well, examine
from paas.daemon.run import become_supervisor, check_port, end_leftovers, note_program, take_lock
from paas.daemon.start import start as start_program
from paas.daemon.stop import stop as stop_programs
from paas.daemon.upgrade import replace_supervisor
from paas.needed import check_needed
from paas.running import running
from paas.settings import Settings
from paas.supervision import NotRunning, Supervision

RUN = ("router", "run")
PATIENCE_SECONDS = 30.0
FOLDER = "/var/lib/paas-router"


def run(directory: Path) -> None:
    """Does not return. A living HAProxy is left alone: the one that is started takes its connections over.

    Raises NotARouter, ProgramMissing, HAProxyTooOld, UnknownUser, RootNeeded, AlreadyRunning or PortTaken.
    """
    folder = RouterFolder.load(directory)
    settings = folder.settings
    check_needed(names=NEEDED)
    folder.furnish()
    lock = take_lock(settings)
    end_leftovers(settings, keep=(HAPROXY,))
    if HAPROXY not in {program.name for program in running(settings)}:
        check_port(settings)
    become_supervisor(lock, settings)


def start(directory: Path) -> None:
    """In the background. One that runs goes over to this program's version, and to what its folder says by now."""
    folder = RouterFolder.load(directory)
    settings = folder.settings
    check_needed(names=NEEDED)
    folder.furnish()
    try:
        supervision = Supervision(settings)
        pid = supervision.pid()
    except NotRunning:
        start_program(settings, *RUN)
        return
    changes = supervision.reread()
    if HAPROXY in changes.changed:
        replace_supervisor(settings, pid, *RUN)  # it serves on until the next one takes it over
    else:
        supervision.follow(lambda name: name == FOLLOWER)
        supervision.restart(FOLLOWER)
        note_program(settings)


@click.group("router")
def command() -> None:
    """Make, run and keep a router on a machine of its own."""


@command.command("init")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="As it is registered.")
@click.option("--platform", required=True, help="The platform's id.")
@click.option("--table-port", type=int, default=5002, show_default=True)
@click.option("--http-port", type=int, default=80, show_default=True)
@click.option("--bind", default="0.0.0.0", show_default=True)
@click.option("--router-user", default="", help="Who runs it; else whoever types this.")
def init_command(
    directory: Path,
    name: str,
    platform: str,
    table_port: int,
    http_port: int,
    bind: str,
    router_user: str,
) -> None:
    """Make a router's folder, or make it again; the password of the route table is read from standard input."""
    settings = Settings(
        directory=directory.absolute(),
        platform=platform,
        table_port=table_port,
        http_port=http_port,
        bind_address=bind,
        router_user=router_user,
    )
    check_needed(names=NEEDED)
    RouterFolder(name, settings).make(sys.stdin.readline().strip())
    click.echo(f"Router {name} is in {settings.directory}.")


@command.command("run")
@click.argument("directory", type=click.Path(path_type=Path), default=FOLDER)
def run_command(directory: Path) -> None:
    """Run a router in the foreground; SIGTERM stops it."""
    run(directory)


@command.command("start")
@click.argument("directory", type=click.Path(path_type=Path), default=FOLDER)
def start_command(directory: Path) -> None:
    """Run a router in the background, or bring one that runs to this program's version."""
    start(directory)


@command.command("stop")
@click.argument("directory", type=click.Path(path_type=Path), default=FOLDER)
@click.option("--keep-router", is_flag=True, help="HAProxy serves on; the next run takes it over.")
def stop_command(directory: Path, *, keep_router: bool) -> None:
    """Stop a router."""
    settings = RouterFolder.load(directory).settings
    if (settings.run / "lock").exists():
        stop_programs(settings, keep_router=keep_router)


@command.command("status")
@click.argument("directory", type=click.Path(path_type=Path), default=FOLDER)
@click.option("--wait", is_flag=True, help="Until all is well, for half a minute.")
def status_command(directory: Path, *, wait: bool) -> None:
    """Show whether a router serves, and hears of the route table; exit code 1 unless both are so."""
    folder = RouterFolder.load(directory)
    parts = await_well(folder, PATIENCE_SECONDS) if wait else examine(folder)
    for part in parts:
        click.echo(_line(part))
    if not all(part.is_well for part in parts):
        sys.exit(1)


def _line(part: Part) -> str:
    return f"{part.name:<12} {'ok' if part.is_well else 'red':<5} {part.text}"
