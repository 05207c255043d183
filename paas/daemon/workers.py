"""The workers' parent: imports once, forks every worker, and forks again what ends.

Forked before anything is connected, the workers share the memory of what was imported: five of them take less than two
that were started by themselves. They die with their parent, unless they were asked to end and have a job to finish.
"""

import logging
from pathlib import Path

import click

from paas.daemon.crew import Crew
from paas.daemon.queues import worker_queues
from paas.daemon.work import work
from paas.running import note_self
from paas.settings import Settings
from paas.wire import BUILDS


def crew(settings: Settings) -> Crew:
    def become(queue: str, name: str) -> None:
        note_self(settings, name)
        work(settings, queue, name)

    return Crew(worker_queues(settings), become, left=BUILDS)


@click.command("workers", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Work on all queues, in a process each; started by the supervisor."""
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(message)s")
    crew(Settings.load(directory)).keep()
