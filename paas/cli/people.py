"""people, people:add, people:remove."""

import time
from pathlib import Path

import click

from paas.cli.address import DEFAULT_URL, Address
from paas.cli.client import path
from paas.cli.command import as_json, command
from paas.cli.credentials import check_token
from paas.cli.keys import read_public_key
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json, when


@command("people", "paas people", "paas people --json")
@as_json
@click.pass_obj
def list_people(session: Session, as_json: bool) -> None:
    """List the people.

    Only an admin may.
    """
    found = session.api.get(path("people")).many()
    if as_json:
        show_json(found)
        return
    now = time.time()
    show(
        columns(
            [
                (
                    each["name"],
                    "admin" if each.get("admin") else "",
                    when(each.get("created_at"), now),
                )
                for each in found
            ]
        )
    )


@command("people:add", "paas people:add ada --key ada.pub", "paas people:add grace --admin")
@click.argument("name")
@click.option("--key", "key", metavar="FILE", help="Their public SSH key, to push with.")
@click.option("--admin", "is_admin", is_flag=True, help="They may do everything, to every app.")
@click.pass_obj
def add(session: Session, name: str, key: str | None, is_admin: bool) -> None:
    """Add a person, and print the line that logs them in.

    The line holds their token and is printed this once: the platform keeps only a digest of it. They type it on
    their own machine. Without --key they add one themselves afterwards: paas keys:add. Only an admin may.
    """
    body: dict[str, object] = {"name": name}
    if key is not None:
        body["key"] = read_public_key(Path(key).expanduser()).strip()
    if is_admin:
        body["admin"] = True
    made = session.api.post(path("people"), body).one()
    url = _reached_at(session, made.get("url"))
    say(f"Added {plain(made['name'])}. The line they type on their own machine, shown this once:")
    show([f"echo {check_token(made['token'])} | paas login {url} --token-stdin"])
    address = Address.parse(url)
    if address.is_local:
        forwarded = f"{address.port}:127.0.0.1:{address.port}"
        say(
            f"From another machine they first type, and leave running: ssh -N -L {forwarded} THIS_HOST"
        )


@command("people:remove", "paas people:remove ada")
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Remove a person.

    Their tokens and keys stop working at once, and their apps become yours. Only an admin may.
    """
    session.api.delete(path("people", name))
    say(f"Removed {name}.")


def _reached_at(session: Session, told: object) -> str:
    """What the API says of itself, else where we found it; never its socket, which is on this machine only."""
    if isinstance(told, str):
        return Address.parse(plain(told)).url
    address = session.api.address
    return DEFAULT_URL if address.scheme == "unix" else address.url
