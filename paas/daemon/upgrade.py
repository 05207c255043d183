"""Goes over to this program's version while the platform serves."""

from collections.abc import Callable
from pathlib import Path

import click

from paas.daemon import redis_server
from paas.daemon.folder import Users, folders
from paas.daemon.names import DOOR, FOLLOWER, HAPROXY, REDIS, SSHD, WATCH, WEB, WORKERS
from paas.daemon.run import note_program, write_configurations
from paas.daemon.start import start, wait_until_up
from paas.daemon.stop import stop
from paas.daemon.unit import restart, unit_of
from paas.engine.ssh import leads_elsewhere
from paas.settings import Settings
from paas.store.migrate import is_behind, migrate
from paas.supervision import NotRunning, Supervision

Report = Callable[[str], None]

UNTOUCHED = (REDIS, HAPROXY)
RESTARTED = (WEB, WATCH, WORKERS, FOLLOWER, SSHD, DOOR)
"""One after the other. A worker that builds goes on until it has built, beside its successor."""


def upgrade(settings: Settings, report: Report) -> None:
    """HAProxy and the apps' containers go on as they are, and HAProxy serves without a gap; so does Redis, unless it is
    to have other settings or users.

    Safe to repeat and to kill. Only if Redis or HAProxy are to be started otherwise than before, the supervisor is
    replaced too: HAProxy is then taken over, and the API is away for some seconds. A platform that does not run is
    migrated and not started. Raises UnknownUser, RootNeeded or RecordTooNew, before anything was changed;
    MigrationFailed; SupervisorSilent; ProgramFailed; NotRestarted; NotUp.
    """
    users = Users.of(settings)
    copied = migrate(settings.record)
    report(f"Migrated the record; as it was: {copied}" if copied else "The record is up to date")
    for folder in folders(settings, users):
        folder.make()
    try:
        supervision = Supervision(settings)
        pid = supervision.pid()
    except NotRunning:
        report("The platform does not run")
        note_program(settings)
        return
    redis = redis_server.written(settings)
    write_configurations(settings, users)
    is_redis_changed = redis_server.written(settings) != redis
    changes = supervision.reread()
    if (changes.changed | changes.removed).intersection(UNTOUCHED):
        report("Replacing the supervisor; HAProxy serves on")
        replace_supervisor(settings, pid)
    else:
        if is_redis_changed:
            report("Restarting redis; the routers keep what they know")
            supervision.restart(REDIS)
        for name in sorted(changes.removed):
            supervision.take_out(name)
        elsewhere = filter(leads_elsewhere, changes.changed | changes.added)
        for name in (*RESTARTED, *sorted(elsewhere)):
            report(f"Restarting {name}")
            if name in changes.changed:
                supervision.take_out(name)
            if name in changes.changed | changes.added:
                supervision.put(name)
            else:
                supervision.restart(name)
    wait_until_up(settings)
    note_program(settings)


def replace_supervisor(settings: Settings, pid: int, *words: str) -> None:
    """By whoever started it: what systemd started stays in its unit. `words`: as of `start`."""
    unit = unit_of(pid)
    if unit:
        restart(unit)
    else:
        stop(settings, keep_router=True)
        start(settings, *words)


@click.command("upgrade")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--check", is_flag=True, help="Change nothing; only say whether the record is to be migrated."
)
def command(directory: Path, *, check: bool) -> None:
    """Bring a running platform to this program's version; what it serves is served on."""
    settings = Settings.load(directory)
    if check:
        click.echo("to migrate" if is_behind(settings.record) else "nothing to migrate")
    else:
        upgrade(settings, click.echo)
