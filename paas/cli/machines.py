"""What hosts:add and routers:add have in common: the key of a machine is confirmed, and a registration followed."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from paas.cli.client import ApiRefused, path
from paas.cli.patience import Patience
from paas.cli.session import Session
from paas.cli.text import plain, say
from paas.cli.wait import Detached
from paas.errors import Failed, Unavailable

PAUSE_SECONDS = 0.3
HOSTS, ROUTERS = "hosts", "routers"
"""What a machine is registered as: how its commands begin, and its paths."""


class RegistrationFailed(Failed):
    """As the platform told it."""


class NotTheKey(Failed):
    def __init__(self, noun: str, name: str) -> None:
        super().__init__(
            f"{name} was not registered: its key is not confirmed. Nothing was changed. To demand one: "
            f"paas {noun}:add {name} URL --host-key SHA256:..."
        )


class NotWaiting(Detached):
    def __init__(self, noun: str) -> None:
        super().__init__(f"it goes on. See: paas {noun}")


def no_wait(function: Any) -> Any:
    return click.option(
        "--no-wait", is_flag=True, help="Return when it has begun, not when it is done."
    )(function)


def confirmed_key(session: Session, noun: str, name: str, url: str) -> str:
    """The fingerprint, once the person has said that it is the machine's. Raises NotTheKey."""
    session.api.post(path(noun, name, "key"), {"url": url})
    told = next(each for each in _progress(session, noun, name) if each["is_over"])
    if told.get("error"):
        raise RegistrationFailed(plain(told["error"]))
    fingerprint = plain(told["fingerprint"])
    say(f"The host key of {name} is {fingerprint}")
    say("There, this says the same: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub")
    if not click.confirm("Is it the one?", err=True):
        raise NotTheKey(noun, name)
    return fingerprint


def follow(session: Session, noun: str, name: str) -> None:
    """A registration or a removal, to its end. Raises RegistrationFailed."""
    shown: set[str] = set()
    for told in _progress(session, noun, name):
        stage, fingerprint, waits_for = (
            told["stage"],
            told.get("fingerprint"),
            told.get("waits_for"),
        )
        if told.get("error"):
            raise RegistrationFailed(plain(told["error"]))
        if fingerprint and fingerprint not in shown:
            shown.add(fingerprint)
            say(f"  host key {plain(fingerprint)}, pinned")
        if told["is_over"]:
            return
        if stage not in shown:
            shown.add(stage)
            say(f"  {plain(stage)}: {plain(told.get('text') or '')}")
        if waits_for and waits_for not in shown:
            shown.add(waits_for)
            say(f"    {plain(waits_for)}")


def polled(
    session: Session, noun: str, target: str, first: Mapping[str, Any] | None = None
) -> Iterator[Mapping[str, Any]]:
    """What the API tells of it, again and again. One that is away for a while is asked again."""
    patience = Patience()
    try:
        if first is not None:
            yield first
        while True:
            time.sleep(PAUSE_SECONDS)
            try:
                found = session.api.get(target).one()
                patience.heard()
            except (Unavailable, ApiRefused) as error:
                if patience.is_over(error):
                    raise
                continue
            yield found
    except KeyboardInterrupt:
        raise NotWaiting(noun) from None


def _progress(session: Session, noun: str, name: str) -> Iterator[Mapping[str, Any]]:
    return polled(session, noun, path(noun, name, "progress"))
