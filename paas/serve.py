"""`paasd`: makes, runs and keeps a platform, which is a folder.

Each command is in a file of its own, imported when it is asked for: a worker must not carry what `init` needs.
"""

import importlib
import sys
from collections.abc import Mapping

import click

from paas.errors import PaasError

COMMANDS: Mapping[str, str] = {
    "init": "paas.daemon.init",
    "run": "paas.daemon.run",
    "status": "paas.daemon.status",
    "stop": "paas.daemon.stop",
    "backup": "paas.daemon.backup",
    "restore": "paas.daemon.restore",
    "start": "paas.daemon.start",
    "upgrade": "paas.daemon.upgrade",
    "destroy": "paas.daemon.destroy",
    "person": "paas.daemon.person",
    "filter": "paas.daemon.filter",
    "web": "paas.daemon.web",
    "watch": "paas.daemon.watch",
    "work": "paas.daemon.work",
    "workers": "paas.daemon.workers",
    "registry": "paas.daemon.registry_server",
    "router": "paas.daemon.router",
}
"""Command -> the module whose `command` it is. `filter` is for the boot; `web`, `watch`, `workers` and `registry` are
for the supervisor; `work` is one worker by itself, on whatever machine reaches Redis and the record."""


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[name]).command
        assert isinstance(command, click.Command)
        return command


@click.group("paasd", cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def paasd() -> None:
    """Make, run and keep a platform: a folder with all that a self-hosted Heroku needs."""


def main() -> None:
    try:
        paasd(prog_name="paasd")
    except PaasError as error:
        click.echo(f"paasd: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
