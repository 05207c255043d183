"""Stops a platform's programs. The apps' containers stay as they are: the engine runs them."""

import fcntl
import os
import signal
import time
from pathlib import Path

import click

from paas.daemon.names import HAPROXY
from paas.daemon.run import end_leftovers
from paas.errors import Failed
from paas.running import running
from paas.settings import Settings
from paas.supervision import NotRunning, Supervision

PATIENCE_SECONDS = 60.0
END_AT_ONCE = signal.SIGUSR1
"""The supervisor does not catch it; its unit counts it as a good end."""


class StillRunning(Failed):
    def __init__(self, settings: Settings, names: str) -> None:
        super().__init__(
            f"The platform in {settings.directory} did not stop within {PATIENCE_SECONDS:.0f} s. Left: {names}."
        )


def stop(settings: Settings, *, keep_router: bool = False) -> None:
    """Returns when all are gone, also what a dead supervisor left. Silent if nothing runs.

    `keep_router`: HAProxy serves on by itself, and the next `run` takes it over.
    """
    kept = (HAPROXY,) if keep_router else ()
    try:
        supervision = Supervision(settings)
        if keep_router:
            supervision.stop(state.name for state in supervision.states() if state.name not in kept)
            # Asked to end, it would end HAProxy too. Killed by SIGKILL, systemd would start it again.
            os.kill(supervision.pid(), END_AT_ONCE)
        else:
            supervision.shut_down()
        _wait_for_lock(settings)
    except NotRunning:
        pass
    end_leftovers(settings, kept)


def _wait_for_lock(settings: Settings) -> None:
    """The supervisor holds it until it is gone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with (settings.run / "lock").open() as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    names = ", ".join(program.name for program in running(settings))
                    raise StillRunning(settings, names or "the supervisor") from None
                time.sleep(0.05)


@click.command("stop")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--keep-router", is_flag=True, help="HAProxy serves on; the next run takes it over.")
def command(directory: Path, *, keep_router: bool) -> None:
    """Stop a platform's programs; the apps' containers are left running."""
    stop(Settings.load(directory), keep_router=keep_router)
