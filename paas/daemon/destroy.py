"""Takes away what a platform has made on its machine's engine."""

from collections.abc import Callable
from pathlib import Path

import click

from paas.daemon.stop import stop
from paas.engine.docker_engine import DockerEngine
from paas.errors import Refused
from paas.model.host import LOCAL
from paas.settings import Settings
from paas.wiring import connect

Report = Callable[[str], None]


class NotConfirmed(Refused):
    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"This would remove every container and image of the platform in {settings.directory}. "
            f"If that is meant: paasd destroy {settings.directory} --confirm {settings.platform}"
        )


def destroy(settings: Settings, confirmation: str, report: Report) -> None:
    """Stops the platform; removes its containers, its images, its network and its rules. Never a volume.

    The folder stays, with the record, the keys and the sources: whoever runs it again has every app built anew.
    Safe to repeat. Raises NotConfirmed or HostUnreachable.
    """
    if confirmation != settings.platform:
        raise NotConfirmed(settings)
    stop(settings)
    engine = connect(settings).engine
    assert isinstance(engine, DockerEngine)
    containers = engine.list(LOCAL)
    for container in containers:
        engine.remove(LOCAL, container.name)
    report(f"Removed {len(containers)} containers")
    images = engine.images(LOCAL)
    for image in images:
        for reference in (*image.tags, image.id):
            engine.remove_image(LOCAL, reference)
    report(f"Removed {len(images)} images")
    engine.network.forget(LOCAL)
    report(f"Removed the network {settings.network} and its rules")
    report(
        f"The folder {settings.directory} is left. To be rid of it too: rm -r {settings.directory}"
    )


@click.command("destroy")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--confirm", default="", metavar="ID", help="The platform's id.")
def command(directory: Path, confirm: str) -> None:
    """Remove a platform's containers, images and network from the engine; the folder is left."""
    destroy(Settings.load(directory), confirm, click.echo)
