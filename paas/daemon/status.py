"""Tells which programs of a platform run."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from paas.daemon.start import tell_what_is_wrong, wait_until_up
from paas.engine.ssh import leads_elsewhere
from paas.running import running
from paas.settings import Settings
from paas.supervision import NotRunning, ProgramState, Supervision


def status(settings: Settings) -> Sequence[ProgramState]:
    """What the supervisor says, and the programs that its programs have begun.

    Without a supervisor: the programs that it left behind, if any, as `UNSUPERVISED`.
    """
    now = time.time()
    try:
        supervised, word = list(Supervision(settings).states()), "RUNNING"
    except NotRunning:
        supervised, word = [], "UNSUPERVISED"
    names = {state.name for state in supervised}
    return supervised + [
        ProgramState(program.name, word, program.pid, now - program.seconds)
        for program in running(settings)
        if program.name not in names
    ]


@click.command("status")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--wait", is_flag=True, help="Until all run and the API answers, for a minute.")
def command(directory: Path, *, wait: bool) -> None:
    """Show which programs of a platform run; exit code 1 unless all do, but for the ways to other hosts."""
    settings = Settings.load(directory)
    if wait:
        wait_until_up(settings)
        tell_what_is_wrong(settings)
    states = status(settings)
    if not states:
        raise NotRunning(settings)
    for state in states:
        since = f"{time.time() - state.started_at:.0f} s" if state.pid else ""
        click.echo(f"{state.name:<12} {state.word.lower():<12} {state.pid or '':<8} {since}")
    if not all(state.is_running or leads_elsewhere(state.name) for state in states):
        sys.exit(1)
