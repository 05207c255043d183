"""The API's process."""

from pathlib import Path

import click

from paas.settings import Settings
from paas.web import serve


@click.command("web", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Serve the API; started by the supervisor."""
    serve(Settings.load(directory))
