"""login and whoami."""

import os
import sys
from contextlib import closing
from pathlib import Path

import click

from paas.cli.address import DEFAULT_URL, Address
from paas.cli.client import Client, path
from paas.cli.command import command
from paas.cli.credentials import Credentials, check_token
from paas.cli.session import Session
from paas.cli.text import plain, say, show
from paas.errors import Failed, Invalid


class NoTerminal(Invalid):
    def __init__(self, url: str) -> None:
        super().__init__(
            f"There is no terminal to ask for the token on. Type: paas login {url} --token-stdin < FILE"
        )


class CannotKeep(Failed):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"{path} cannot be written: {why}. The login was not kept. Set PAAS_CONFIG to a file that can be."
        )


@command(
    "login",
    "paas login http://127.0.0.1:5000",
    "paas login unix:///var/lib/paas/run/api/api.sock",
    "paas login https://api.apps.example.com --token-stdin < token.txt",
)
@click.argument("url", required=False)
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.pass_obj
def login(session: Session, url: str | None, token_stdin: bool) -> None:
    """Log in to a platform.

    Asks for your token, tries it, and keeps it with the URL in ~/.config/paas, which only you can read. URL is where
    the API answers: https://HOST, http:// on this machine, or the path of its unix socket. Without URL: the one you
    were logged in to, else http://127.0.0.1:5000.

    PAAS_URL and PAAS_TOKEN in the environment go before that file; PAAS_CONFIG names another file.
    """
    address = Address.parse(url or _present_url(session))
    token = check_token(_token(address, token_stdin))
    with closing(Client(address, token)) as api:
        account = api.get(path("account")).one()
    keep(Credentials(address.url, token), Path(session.environment.config))
    say(f"Logged in to {address.url} as {plain(account['name'])}.")
    if session.environment.token is not None or session.environment.url is not None:
        say("PAAS_URL or PAAS_TOKEN is set here and goes before this login.")


def keep(credentials: Credentials, path: Path) -> None:
    """Whole or not at all, and never readable by anyone else, not even for an instant. Raises CannotKeep."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(credentials.render())
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CannotKeep(path, error.strerror or str(error)) from None


@command("whoami", "paas whoami")
@click.pass_obj
def whoami(session: Session) -> None:
    """Print who you are logged in as."""
    show([plain(session.api.get(path("account")).one()["name"])])


def _present_url(session: Session) -> str:
    if session.environment.url is not None:
        return session.environment.url
    kept = Credentials.load(session.environment.config)
    return DEFAULT_URL if kept is None else kept.url


def _token(address: Address, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().strip()
    if not sys.stdin.isatty():
        raise NoTerminal(address.url)
    given: str = click.prompt("Token", hide_input=True, err=True)
    return given.strip()
