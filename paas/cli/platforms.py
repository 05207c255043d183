"""routers, routers:remove, doctor."""

import time

import click

from paas.cli.client import path
from paas.cli.command import as_json, command
from paas.cli.session import Session
from paas.cli.text import ago, columns, plain, say, show, show_json

RED = "red"


@command("routers", "paas routers", "paas routers --json")
@as_json
@click.pass_obj
def routers(session: Session, as_json: bool) -> None:
    """List the routers and what they have acknowledged.

    A change is live when every one of these has acknowledged it.
    """
    found = session.api.get(path("routers")).many()
    if as_json:
        show_json(found)
        return
    now = time.time()
    rows = [
        (
            router["name"],
            f"table {router['number']}" if router.get("number") is not None else "nothing yet",
            ago(router.get("acknowledged_at"), now),
        )
        for router in found
    ]
    show(columns(rows))
    if not found:
        say("No router is registered. See: paas doctor")


@command("routers:remove", "paas routers:remove edge-2")
@click.argument("name")
@click.pass_obj
def remove_router(session: Session, name: str) -> None:
    """Stop waiting for a router.

    For one that will not come back: until it is removed, no change counts as live. Only an admin may.
    """
    session.api.delete(path("routers", name))
    say(f"Removed the router {name}.")


@command("doctor", "paas doctor", "paas doctor --json")
@as_json
@click.pass_obj
def doctor(session: Session, as_json: bool) -> int:
    """Examine the platform; fail if anything is red.

    One line for each part: ok, warn or red, what was found, and the next command to type. Exit code 1 if one is red.
    Only an admin may.
    """
    findings = session.api.get(path("doctor")).one()["findings"]
    if as_json:
        show_json(findings)
    else:
        show(
            columns(
                [
                    (
                        each["state"],
                        each["name"],
                        f"{plain(each['text'])} {_next(each.get('next'))}",
                    )
                    for each in findings
                ]
            )
        )
    return 1 if any(each["state"] == RED for each in findings) else 0


def _next(command: object) -> str:
    return f"Type: {plain(command)}" if command else ""
