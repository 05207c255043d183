"""routers, routers:add, routers:line, routers:remove."""

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command
from paas.cli.machines import ROUTERS, confirmed_key, follow, no_wait
from paas.cli.session import Session
from paas.cli.text import ago, columns, plain, say, show, show_json
from paas.errors import Invalid


class NoLine(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is no line to type for {name}: it is the platform's own, or you are no admin. See: paas routers"
        )


@command("routers", "paas routers", "paas routers --json")
@as_json
@click.pass_obj
def list_routers(session: Session, as_json: bool) -> None:
    """List the routers and what they have acknowledged.

    Name, address, the version of the route table that it has, its last sign of life, HAProxy, tunnel. A change is live
    when every one of these has acknowledged it, but for those that are joining: they have not said a word yet.
    """
    found = session.api.get(path("routers")).many()
    if as_json:
        show_json(found)
        return
    show(columns([list(_cells(router, time.time())) for router in found]))
    if not found:
        say("No router is registered. See: paas doctor")


@command(
    "routers:add",
    "paas routers:add edge ssh://deploy@10.0.0.7",
    "paas routers:add edge ssh://deploy@10.0.0.7:2222 --host-key SHA256:jGWMRuFzAc2HYEJzsNmpCh2mSGJVoBMWcOhHnEqaA5k",
)
@click.argument("name")
@click.argument("url")
@click.option(
    "--host-key", metavar="SHA256:...", help="The fingerprint that its sshd's key must have."
)
@no_wait
@click.pass_obj
def add(session: Session, name: str, url: str, host_key: str | None, no_wait: bool) -> None:
    """Register a router on another machine, and print the line to type there.

    URL is ssh://USER@ADDRESS[:PORT]. USER is an ordinary one who lets the platform's key in (paas hosts:key). The key
    of the machine's sshd is shown and pinned: it must be the same ever after; on a terminal you are asked whether it is
    the one. What runs on the platform's own machine moves to where it is reached from there, and every host lets the
    router in; then the route table is carried there. It counts when it has acknowledged it for the first time. Only an
    admin may.
    """
    if host_key is None and sys.stdin.isatty():
        host_key = confirmed_key(session, ROUTERS, name, url)
    body: dict[str, object] = {"name": name, "url": url}
    if host_key is not None:
        body["host_key"] = host_key
    session.api.post(path("routers"), body)
    if no_wait:
        say(f"{name} is being registered. See: paas routers; then: paas routers:line {name}")
        return
    follow(session, ROUTERS, name)
    say(f"The route table reaches {name}. There, in a clone of this version, type:")
    show([_line(session, name)])


@command("routers:line", "paas routers:line edge")
@click.argument("name")
@click.pass_obj
def line(session: Session, name: str) -> None:
    """Print what makes a machine that router.

    To be typed there, in a clone of this version; the same line upgrades it. It holds a password: docs/operations.md
    says what that allows. Only an admin may.
    """
    show([_line(session, name)])


@command("routers:remove", "paas routers:remove edge")
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Forget a router, and stop waiting for it.

    For one that will not come back, or is not wanted any more: until it is removed, no change counts as live that it
    has not acknowledged. End it on its machine too, or it serves what it knew. Only an admin may.
    """
    removed = session.api.delete(path("routers", name)).one()
    say(f"Removed the router {name}.")
    if removed.get("address"):
        say(
            "If it still runs there, it serves what it knew. There: sudo paasd router stop /var/lib/paas-router"
        )


def _line(session: Session, name: str) -> str:
    """Raises NoLine."""
    told = session.api.get(path("routers", name)).one().get("line")
    if not told:
        raise NoLine(name)
    return plain(told)


def _cells(router: Mapping[str, Any], now: float) -> Iterator[str | None]:
    yield router["name"]
    yield router.get("address") or "here"
    if router.get("is_joining"):
        yield "joining"
    else:
        number = router.get("number")
        yield "nothing yet" if number is None else f"table {number}"
    seen = ago(router.get("seen_at"), now)
    yield f"seen {seen}" if seen else "never seen"
    yield f"HAProxy {plain(router['haproxy'])}" if router.get("haproxy") else None
    tunnel = router.get("tunnel")
    yield None if tunnel is None else f"tunnel {tunnel['state']}"
