"""keys, keys:add, keys:remove."""

import sys
import time
from pathlib import Path

import click

from paas.cli.client import path
from paas.cli.command import as_json, command
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json, when
from paas.errors import Invalid, Unknown

USUAL = ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub")
SIZE_LIMIT = 16384


class NoKeyFile(Invalid):
    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file} cannot be added: {why}. Give the public key's file: paas keys:add FILE.pub"
        )


class UnknownKey(Unknown):
    def __init__(self, given: str) -> None:
        super().__init__(f"You have no key {plain(given)[:80]!r}. See: paas keys")


@command("keys", "paas keys", "paas keys --json")
@as_json
@click.pass_obj
def list_keys(session: Session, as_json: bool) -> None:
    """List your SSH keys."""
    found = session.api.get(path("account", "keys")).many()
    if as_json:
        show_json(found)
        return
    now = time.time()
    show(
        columns(
            [
                (key["fingerprint"], key.get("comment"), when(key.get("created_at"), now))
                for key in found
            ]
        )
    )
    if not found:
        say("You have no keys. Type: paas keys:add")


@command(
    "keys:add", "paas keys:add", "paas keys:add ~/.ssh/work.pub", "ssh-add -L | paas keys:add -"
)
@click.argument("file", required=False)
@click.pass_obj
def add(session: Session, file: str | None) -> None:
    """Add an SSH key, so that you can push with it.

    FILE holds a public key, - is standard input. Without it: id_ed25519.pub, id_ecdsa.pub or id_rsa.pub in ~/.ssh.
    """
    public = sys.stdin.read(SIZE_LIMIT) if file == "-" else read_public_key(_chosen(file))
    added = session.api.post(path("account", "keys"), {"public_key": public.strip()}).one()
    say(f"Added {plain(added['fingerprint'])}.")


@command(
    "keys:remove",
    "paas keys:remove SHA256:7h9Sx0mGpk6Ae8bCvDx5jWmT8mVyB2xqZo1LrN4uQfE",
    "paas keys:remove me@laptop",
)
@click.argument("key")
@click.pass_obj
def remove(session: Session, key: str) -> None:
    """Remove an SSH key.

    KEY is its fingerprint, or its comment where no other key has the same.
    """
    found = session.api.get(path("account", "keys")).many()
    fitting = [
        each for each in found if key in (each["fingerprint"], each.get("id"), each.get("comment"))
    ]
    if len(fitting) != 1:
        raise UnknownKey(key)
    session.api.delete(path("account", "keys", fitting[0]["id"]))
    say(f"Removed {plain(fitting[0]['fingerprint'])}.")


def read_public_key(file: Path) -> str:
    """Raises NoKeyFile. A private key does not leave this machine."""
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(SIZE_LIMIT)
    except OSError as error:
        raise NoKeyFile(file, error.strerror or str(error)) from None
    except ValueError:
        raise NoKeyFile(file, "it is not text") from None
    if "PRIVATE KEY" in text:
        raise NoKeyFile(file, "it is the private half")
    return text


def _chosen(file: str | None) -> Path:
    if file is not None:
        return Path(file).expanduser()
    folder = Path.home() / ".ssh"
    for name in USUAL:
        if (folder / name).is_file():
            return folder / name
    raise NoKeyFile(folder / USUAL[0], "there is no such file; make one with ssh-keygen -t ed25519")
