"""logs."""

from collections.abc import Iterator

import click

from paas.cli.client import ApiRefused, Client, path
from paas.cli.command import command, on_app
from paas.cli.links import local
from paas.cli.patience import Patience
from paas.cli.session import Session
from paas.cli.text import plain, say
from paas.errors import Unavailable

PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.5
PLATFORM_DYNOS = ("api", "build", "router", "run")
"""What the platform's own lines, and those of commands, are under."""


@command(
    "logs",
    "paas logs",
    "paas logs --tail",
    "paas logs -n 500 --ps web.1 -a my-app",
    "paas logs --tail --source heroku",
)
@on_app
@click.option(
    "-n",
    "--num",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many lines.",
)
@click.option("-t", "--tail", is_flag=True, help="Go on printing new lines, until Ctrl-C.")
@click.option(
    "-p",
    "--ps",
    "--dyno",
    "dyno",
    metavar="NAME",
    help="Only of this dyno (web.1) or process type (web).",
)
@click.option(
    "-s",
    "--source",
    type=click.Choice(["app", "heroku"]),
    help="Only the app's own, or the platform's.",
)
@click.pass_obj
def logs(
    session: Session, app: str, num: int, tail: bool, dyno: str | None, source: str | None
) -> None:
    """Print an app's log.

    Builds, dynos, router and platform in one stream, dynos that are gone included.
    """
    body: dict[str, object] = {"lines": num, "tail": tail}
    if dyno is not None:
        body["dyno"] = dyno
    if source is not None:
        body["source"] = source
    api = session.api
    made = api.post(path("apps", app, "log-sessions"), body)
    target = local(api.address, made.one()["logplex_url"])
    if tail and dyno is not None:
        _warn(api, app, dyno)
    pieces = follow(api, target) if tail else api.stream(target, "text/plain")
    size = 0
    with click.open_file("-", "wb") as out:
        for piece in pieces:
            size += out.write(piece)
            out.flush()
    if size == 0 and num > 0 and dyno is not None and not tail:
        _warn(api, app, dyno)


def _warn(api: Client, app: str, dyno: str) -> None:
    """Says so when the app has no such dyno or process type now. (Its log may know one that is gone.)"""
    known = set(PLATFORM_DYNOS)
    for line in api.get(path("apps", app, "formation")).many():
        known.add(str(line["type"]))
    for each in api.get(path("apps", app, "dynos")).many():
        known |= {str(each["type"]), str(each["name"])}
    if dyno not in known:
        say(f"{app} has no dyno or process type {plain(dyno)[:60]!r} now. See: paas ps -a {app}")


def follow(api: Client, target: str) -> Iterator[bytes]:
    """Each line once, for ever. An API that restarts meanwhile is asked for what came after the last line."""
    patience, last = Patience(), ""
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        try:
            lines = api.lines(target, "text/event-stream", **headers)
            patience.heard()
            for event_id, data in events(lines):
                last = event_id or last
                yield data + b"\n"
        except (Unavailable, ApiRefused) as error:
            if patience.is_over(error):
                raise
        patience.pause()


def events(lines: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Server-sent events: `(id, data)` of each that carries data."""
    event_id, data = "", None
    for line in lines:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line.rstrip(b"\r"):
            if data is not None:
                yield event_id, data
            data = None
        elif field == b"id":
            event_id = value.decode(errors="replace").strip()
        elif field == b"data":
            data = value if data is None else data + b"\n" + value
