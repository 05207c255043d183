"""The packet filter, put there without the engine: before it starts what it had when the machine went down."""

import subprocess
from pathlib import Path

import click

from paas.engine.packet_filter import apply_arguments
from paas.errors import Failed
from paas.needed import program
from paas.settings import Settings

CHAIN = "DOCKER-USER"
"""The engine asks it first, makes it only if it is not there, and leaves what it finds in it."""
SECONDS = 30.0


class NotFiltered(Failed):
    def __init__(self, settings: Settings, why: str) -> None:
        super().__init__(f"The packet filter of {settings.network} is not there: {why}")


def filter_packets(settings: Settings) -> None:
    """Safe to repeat, also beside `watch`, which does the same through the engine. Raises NotFiltered."""
    tables = [program("iptables"), "-w", "10"]
    if _run([*tables, "-n", "-L", CHAIN]).returncode != 0:
        _demand(settings, [*tables, "-N", CHAIN])
    _demand(settings, apply_arguments(settings.platform, (settings.http_port,)))


def _demand(settings: Settings, argv: list[str]) -> None:
    ended = _run(argv)
    if ended.returncode != 0:
        said = ended.stderr.strip().splitlines() or [f"{argv[0]} ended with {ended.returncode}"]
        raise NotFiltered(settings, said[-1])


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=SECONDS,
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    )


@click.command("filter", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Put the packet filter there, before the engine is; for the boot."""
    filter_packets(Settings.load(directory))
