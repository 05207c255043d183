"""The packet filter, put there without the engine: before it starts what it had when the machine went down."""

import subprocess
from pathlib import Path

import click

from paas.engine.packet_filter import Surroundings, apply_arguments
from paas.engine.router_tunnels import known_routers
from paas.engine.tunnels import addresses
from paas.errors import Failed
from paas.needed import WHERE, program
from paas.settings import Settings

CHAIN = "DOCKER-USER"
"""The engine asks it first, makes it only if it is not there, and leaves what it finds in it."""
SECONDS = 30.0


class NotFiltered(Failed):
    def __init__(self, settings: Settings, why: str) -> None:
        super().__init__(f"The packet filter of {settings.network} is not there: {why}")


def filter_packets(settings: Settings, where: str = WHERE, seconds: float = SECONDS) -> None:
    """Safe to repeat, also beside `watch`, which does the same through the engine.

    `where` the tools are; none may take more than `seconds`. Raises ProgramMissing or NotFiltered.
    """
    tables = [program("iptables", where), "-w", "10"]
    try:
        if _failure([*tables, "-n", "-L", CHAIN], where, seconds):
            _demand(settings, _failure([*tables, "-N", CHAIN], where, seconds))
        around = Surroundings(
            open_ports=(settings.http_port,),
            routers=list(known_routers(settings).values()),
            hosts=addresses(settings),
            has_router=True,
            has_builds=True,
        )
        argv = apply_arguments(settings.platform, around)
        _demand(settings, _failure(argv, where, seconds))
    except subprocess.TimeoutExpired:
        raise NotFiltered(settings, f"a tool took more than {seconds:.0f} s") from None
    except OSError as error:
        raise NotFiltered(settings, str(error)) from None


def _demand(settings: Settings, failure: str) -> None:
    if failure:
        raise NotFiltered(settings, failure)


def _failure(argv: list[str], where: str, seconds: float) -> str:
    """The last that it said, if it failed. Else empty."""
    ended = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        env={"PATH": where},
    )
    if ended.returncode == 0:
        return ""
    return (ended.stderr.strip().splitlines() or [f"{argv[0]} ended with {ended.returncode}"])[-1]


@click.command("filter", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Put the packet filter there, before the engine is; for the boot."""
    filter_packets(Settings.load(directory))
