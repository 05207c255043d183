"""Lets a person in without the API: the first one, and whoever holds root on the platform's machine."""

import re
import time
from pathlib import Path
from typing import TextIO

import click

from paas.auth import write_authorized_keys
from paas.daemon.folder import Users
from paas.daemon.home import Home
from paas.daemon.init import host_key
from paas.model.person import Key, Person, PersonName, parse_key
from paas.settings import Settings
from paas.store.people import KeyTaken, UnknownPerson
from paas.wiring import Platform, connect


def let_in(
    name: PersonName, public_key: str | None, platform: Platform, now: float, *, is_admin: bool
) -> Person:
    """Safe to repeat. An existing person stays as they are and gets the key. Raises InvalidKey or KeyTaken."""
    people = platform.people
    try:
        person = people.get(name)
    except UnknownPerson:
        person = people.add(name, now, is_admin=is_admin)
    if public_key is not None:
        fingerprint, public, comment = parse_key(public_key)
        try:
            people.add_key(Key(fingerprint, public, comment, name, now))
        except KeyTaken:
            if fingerprint not in {key.fingerprint for key in people.keys(name)}:
                raise
    write_authorized_keys(platform)
    return person


def settle(
    home: Home, name: PersonName, platform: Platform, now: float, *, is_admin: bool
) -> PersonName:
    """Everything that `paas` and `git push` of this account need: key, token, the door's host key and its port.

    An account that is somebody here already stays that person, whose name is returned.
    """
    people = platform.people
    known = people.bearer(home.token() or "")
    if known is not None:
        name = known.name
    key = home.key(platform.settings.network)
    let_in(name, key.public, platform, now, is_admin=is_admin)
    if known is None:
        token = people.give_token(name, f"{home.user} on this machine", now)
        home.write_credentials(f"http://127.0.0.1:{platform.settings.api_port}", token)
    settings = platform.settings
    host_public = host_key(settings).with_suffix(".pub").read_text()
    port, address = settings.ssh_port, address_here(settings.bind_address)
    home.trust_host((settings.ssh_host, address), port, " ".join(host_public.split()[:2]))
    user = Users.of(settings).git.name
    home.name_door(settings.platform, user, settings.ssh_host, port, key.private, address)
    return name


def address_here(bound: str) -> str:
    """Where this machine itself reaches what listens on `bound`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)


def person_name(user: str) -> PersonName:
    """What an account of the machine is called here."""
    name = re.sub(r"[^a-z0-9._-]", "-", user.lower())[:32]
    return PersonName(name if re.match("[a-z]", name) else f"u{name}"[:32])


@click.command("person")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--admin", is_flag=True, help="May touch every app, the hosts and the people.")
@click.option("--key", type=click.File(), help="A file with their public SSH key.")
@click.option("--login", metavar="USER", help="An account of this machine to make ready for them.")
def command(
    directory: Path, name: str, *, admin: bool, key: TextIO | None, login: str | None
) -> None:
    """Let a person in, from the platform's own machine; prints a token unless --login is given."""
    platform, now = connect(Settings.load(directory)), time.time()
    person = person_name(name) if login else PersonName(name)
    if login:
        name = settle(Home.of(login), person, platform, now, is_admin=admin)
        click.echo(f"{login} is {name} here.")
        return
    public = None if key is None else key.read()
    let_in(person, public, platform, now, is_admin=admin)
    click.echo(platform.people.give_token(person, "made with paasd person", now))
