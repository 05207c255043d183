"""The API's process: the ASGI app on a unix socket and on 127.0.0.1."""

import socket
from pathlib import Path

import click
import uvicorn

from paas.settings import Settings
from paas.web import create_app
from paas.wiring import connect

BACKLOG = 1024
GRACE_SECONDS = 3
"""For streams that would go on: whoever follows one asks again."""


def serve(settings: Settings) -> None:
    """Until SIGTERM."""
    config = uvicorn.Config(
        create_app(connect(settings)),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ws="websockets-sansio",
    )
    sockets = [unix_socket(settings.api_socket), local_socket(settings.api_port)]
    uvicorn.Server(config).run(sockets=sockets)


def unix_socket(path: Path) -> socket.socket:
    """Takes the place of one that a killed process left. Everybody may connect: the API asks each for a token."""
    listening = socket.socket(socket.AF_UNIX)
    temporary = path.with_name(f".{path.name}")
    temporary.unlink(missing_ok=True)
    listening.bind(str(temporary))
    temporary.chmod(0o666)
    listening.listen(BACKLOG)
    temporary.replace(path)
    return listening


def local_socket(port: int) -> socket.socket:
    """Never of any other address: the API speaks clear text."""
    listening = socket.socket(socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(BACKLOG)
    return listening


@click.command("web", hidden=True)
@click.argument("directory", type=click.Path(path_type=Path))
def command(directory: Path) -> None:
    """Serve the API; started by the supervisor."""
    serve(Settings.load(directory))
