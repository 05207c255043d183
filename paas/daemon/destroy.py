"""Takes away what a platform has made on its engines."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from paas.daemon.stop import stop
from paas.engine.engine import Engine, HostUnreachable
from paas.engine.tunnels import own_tunnel
from paas.errors import Failed, Refused
from paas.model.host import LOCAL, Host
from paas.settings import Settings
from paas.wiring import connect

Report = Callable[[str], None]
TUNNEL_SECONDS = 20.0


class NotConfirmed(Refused):
    def __init__(self, settings: Settings) -> None:
        super().__init__(
            f"This would remove every container and image of the platform in {settings.directory}. "
            f"If that is meant: paasd destroy {settings.directory} --confirm {settings.platform}"
        )


class HostsLeft(Failed):
    def __init__(self, settings: Settings, hosts: Sequence[str]) -> None:
        names, mark = ", ".join(hosts), f"label=paas.platform={settings.platform}"
        super().__init__(
            f"What the platform made on {names} is left there. When it can be reached, do the same again; "
            f"or there: docker ps -aq --filter {mark} | xargs docker rm -f; docker network rm {settings.network}"
        )


def destroy(settings: Settings, confirmation: str, report: Report) -> None:
    """Stops the platform; removes its containers, its images, its network and its rules. Never a volume.

    The folder stays, with the record, the keys and the sources: whoever runs it again has every app built anew.
    Safe to repeat. Raises NotConfirmed, HostUnreachable, or HostsLeft when all that can be reached is done.
    """
    if confirmation != settings.platform:
        raise NotConfirmed(settings)
    stop(settings)
    platform = connect(settings)
    left = []
    for host in platform.hosts.all():
        if host.is_local:
            _take_away(LOCAL, platform.engine, settings, report)
        elif host.address is not None:  # it was looked at
            try:
                _take_away_elsewhere(host, platform.engine, settings, report)
            except HostUnreachable as error:
                report(str(error))
                left.append(host.name)
    for router in platform.routers.all():
        if router.is_elsewhere:
            report(
                f"Router {router.name} on {router.address} serves on what it knew. End it there: paasd router stop"
            )
    if left:
        raise HostsLeft(settings, left)
    report(
        f"The folder {settings.directory} is left. To be rid of it too: rm -r {settings.directory}"
    )


def _take_away_elsewhere(host: Host, engine: Engine, settings: Settings, report: Report) -> None:
    """Raises HostUnreachable."""
    with own_tunnel(host, settings):
        deadline = time.monotonic() + TUNNEL_SECONDS
        while True:
            try:
                engine.facts(host.name)
                break
            except HostUnreachable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        _take_away(host.name, engine, settings, report)


def _take_away(host: str, engine: Engine, settings: Settings, report: Report) -> None:
    """Raises HostUnreachable."""
    where = "" if host == LOCAL else f" on {host}"
    containers = engine.list(host)
    for container in containers:
        engine.remove(host, container.name)
    report(f"Removed {len(containers)} containers{where}")
    images = engine.images(host)
    for image in images:
        for reference in (*image.tags, *image.digests, image.id):
            engine.remove_image(host, reference)
    report(f"Removed {len(images)} images{where}")
    engine.clear(host)
    report(f"Removed the network {settings.network} and its rules{where}")


@click.command("destroy")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--confirm", default="", metavar="ID", help="The platform's id.")
def command(directory: Path, confirm: str) -> None:
    """Remove a platform's containers, images and networks from its engines; the folder is left."""
    destroy(Settings.load(directory), confirm, click.echo)
