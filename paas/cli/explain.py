"""explain: why a dyno is where it is."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, on_app
from paas.cli.session import Session
from paas.cli.text import plain, show, show_json, when


@command("explain", "paas explain web.3", "paas explain web.1 -a my-app --json")
@click.argument("dyno")
@on_app
@as_json
@click.pass_obj
def explain(session: Session, dyno: str, app: str, as_json: bool) -> None:
    """Explain why a dyno is where it is, or nowhere.

    Among the hosts that can take it, those with the fewest of its process type are looked at; two of them are drawn at
    random, and the one with more unreserved memory gets it. All figures are those of that moment.
    """
    found = session.api.get(path("apps", app, "dynos", dyno, "placement")).one()
    if as_json:
        show_json(found)
    else:
        show(_lines(found, time.time()))


def _lines(placement: Mapping[str, Any], now: float) -> Iterator[str]:
    dyno, host = plain(placement["dyno"]), placement.get("host")
    if host is None:
        yield f"{dyno} is nowhere: {plain(placement.get('reason') or 'it has not been placed yet')}"
        return
    yield f"{dyno} is on {plain(host)}, placed {when(placement.get('placed_at'), now)}"
    yield _choice(placement, plain(host))
    refused = placement["refused"]
    if not refused:
        yield "No other host was refused"
        return
    count = len(refused)
    yield f"{count} other host{' was' if count == 1 else 's were'} refused:"
    yield from (f"  {plain(each['host'])} {plain(each['reason'])}" for each in refused)


def _choice(placement: Mapping[str, Any], host: str) -> str:
    candidates = placement["candidates"]
    if not candidates:
        return "How it was chosen was not kept"
    first, *others = candidates
    said = f"{plain(first['host'])} with {plain(first['memory_unreserved_mb'])} MB unreserved"
    if not others:
        return f"There was no other to choose: {said}"
    other = others[0]
    is_equal = first["memory_unreserved_mb"] == other["memory_unreserved_mb"]
    said += f" and {plain(other['host'])} with {plain(other['memory_unreserved_mb'])} MB"
    won = f"{host} {'was drawn first' if is_equal else 'had more'}"
    return f"Drawn at random (seed {plain(placement['seed'])}): {said}; {won}"
