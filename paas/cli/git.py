"""git:remote, git:credentials."""

import sys

import click

from paas.cli.address import Address, is_loopback
from paas.cli.client import path
from paas.cli.command import command
from paas.cli.remotes import RemoteTaken, check_remote, is_repository, point, trust_helper
from paas.cli.session import REMOTE, Session
from paas.cli.text import plain, say, show
from paas.errors import Invalid

HELPER = "!paas git:credentials"
ASKED_LIMIT = 64 * 1024


class NoRepository(Invalid):
    def __init__(self) -> None:
        super().__init__("This folder is in no git repository. Type: git init")


class NoHttp(Invalid):
    def __init__(self, url: str) -> None:
        super().__init__(
            f"git cannot push to {url}: it is a socket. Leave --http out, to push over SSH"
        )


@command(
    "git:remote",
    "paas git:remote -a my-app",
    "paas git:remote -a my-app --http",
    "paas git:remote -a my-app-staging -r staging",
)
@click.option("-a", "--app", metavar="NAME", required=True, help="The app.")
@click.option("-r", "--remote", default=REMOTE, show_default=True, help="The git remote's name.")
@click.option(
    "--http",
    is_flag=True,
    help="Push to the API's address, with your token; else over SSH, with your key.",
)
@click.pass_obj
def git_remote(session: Session, app: str, remote: str, http: bool) -> None:
    """Make a git remote push to an app."""
    check_remote(remote)
    found = session.api.get(path("apps", app)).one()
    over_ssh, over_http = str(found["git_url"]), _http_url(session, str(found["name"]))
    if http and over_http is None:
        raise NoHttp(session.api.address.url)
    if not is_repository():
        raise NoRepository
    url, other = (over_http or "", over_ssh) if http else (over_ssh, over_http or "")
    present = point(remote, url, or_else=other)
    if present is not None:
        raise RemoteTaken(remote, present, plain(url))
    if http:
        trust_helper(session.api.address.url.rstrip("/"), HELPER)
    say(f"The git remote '{remote}' pushes to {app}.")


@command("git:credentials", "echo url=http://127.0.0.1:5000 | paas git:credentials get")
@click.argument("action", type=click.Choice(["get", "store", "erase"]))
@click.pass_obj
def git_credentials(session: Session, action: str) -> None:
    """Tell git your token; git itself types this.

    'paas git:remote --http' has git ask here. Only for the address that you are logged in at the token is printed.
    """
    asked = dict(line.partition("=")[::2] for line in sys.stdin.read(ASKED_LIMIT).splitlines())
    there = asked.get("url") or f"{asked.get('protocol')}://{asked.get('host')}"
    if action == "get" and _place(there) == _place(session.credentials.url):
        show(["username=paas", f"password={session.credentials.token}"])


def _place(url: str) -> tuple[str, str, int]:
    """This machine is one place under all its names."""
    address = Address.parse(url)
    host = "localhost" if is_loopback(address.host) else address.host
    return address.scheme, host, address.port


def _http_url(session: Session, app: str) -> str | None:
    """None: the API answers on a socket, where git does not go."""
    address = session.api.address
    return None if address.scheme == "unix" else f"{address.url.rstrip('/')}/{app}.git"
