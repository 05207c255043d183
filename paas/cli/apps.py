"""apps, create, destroy, info, open."""

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, no_wait, on_app
from paas.cli.remotes import (
    RemoteTaken,
    app_in,
    check_remote,
    is_repository,
    point,
    url_of,
    way_back,
)
from paas.cli.session import REMOTE, Session
from paas.cli.text import columns, plain, say, show, show_json, when, who
from paas.cli.wait import until_gone
from paas.errors import Invalid


class NotConfirmed(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} was not destroyed: it is not confirmed. Type: paas destroy {name} --confirm {name}"
        )


@command("apps", "paas apps", "paas apps --json")
@as_json
@click.pass_obj
def list_apps(session: Session, as_json: bool) -> None:
    """List your apps.

    An admin sees everybody's.
    """
    apps = session.api.get(path("apps")).many()
    if as_json:
        show_json(apps)
        return
    show(columns([(app["name"], app.get("web_url")) for app in apps]))
    if not apps:
        say("You have no apps. Type: paas create NAME")


@command("create", "paas create my-app", "paas create", "paas create my-app --no-remote")
@click.argument("name", required=False)
@click.option("-r", "--remote", default=REMOTE, show_default=True, help="The git remote's name.")
@click.option("--no-remote", is_flag=True, help="Do not touch git.")
@click.pass_obj
def create(session: Session, name: str | None, remote: str, no_remote: bool) -> None:
    """Create an app, and the git remote to push to it.

    Without NAME the platform makes one up. Prints the app's URL and the one to push to. In a git repository the
    remote 'paas' is made to push to the new app, also if it pushed to another one, which is then said; a remote of
    that name that points at something else than a platform is left as it is.
    """
    check_remote(remote)
    app = session.api.post(path("apps"), {"name": name} if name is not None else {}).one()
    say(f"Created {plain(app['name'])}.")
    show([f"{plain(app['web_url'])} | {plain(app['git_url'])}"])
    if no_remote:
        return
    if not is_repository():
        say(
            f"This folder is no git repository. In the app's own, type: paas git:remote -a {plain(app['name'])}"
        )
        return
    before = url_of(remote)
    present = point(remote, app["git_url"])
    if present is not None:
        say(str(RemoteTaken(remote, present, plain(app["git_url"]))))
    elif before not in (None, app["git_url"]):
        say(
            f"The git remote '{remote}' now pushes to {plain(app['name'])} (before:"
            f" {plain(app_in(before))}; back: {way_back(remote, before, app['git_url'])})."
        )


@command("destroy", "paas destroy my-app --confirm my-app")
@click.argument("name")
@click.option("--confirm", metavar="NAME", help="The app's name once more, instead of being asked.")
@no_wait
@click.pass_obj
def destroy(session: Session, name: str, confirm: str | None, no_wait: bool) -> None:
    """Destroy an app and free its name.

    Its dynos stop, its releases, config and domains are gone, and there is no way back. Returns when no router knows
    it any more. When it was cut off, it can be typed again.
    """
    target = path("apps", name)
    if confirm != name:
        session.api.get(target)  # so that nobody confirms what is not there
        if confirm is None and sys.stdin.isatty():
            say(f"This destroys {name}: dynos, releases, config, domains. There is no way back.")
            typed = click.prompt(f"Type {name} to go on", err=True, default="", show_default=False)
            confirm = str(typed)
        if confirm != name:
            raise NotConfirmed(name)
    answer = session.api.delete(target)
    if answer.version is not None and not no_wait:
        until_gone(session.api, name, answer.one()["id"], answer.version)
    say(f"Destroyed {name}.")


@command("info", "paas info", "paas info -a my-app --json")
@on_app
@as_json
@click.pass_obj
def info(session: Session, app: str, as_json: bool) -> None:
    """Show an app."""
    found = session.api.get(path("apps", app)).one()
    if as_json:
        show_json(found)
        return
    formation = session.api.get(path("apps", app, "formation")).many()
    dynos = session.api.get(path("apps", app, "dynos")).many()
    now = time.time()
    show([f"=== {plain(found['name'])}"])
    rows = (
        ("Web URL:", found.get("web_url")),
        ("Git URL:", found.get("git_url")),
        ("Owner:", who(found.get("owner")) or None),
        ("Dynos:", _standing(formation, dynos) or None),
        ("State:", "stopped" if found.get("stopped") else None),
        ("Created:", when(found.get("created_at"), now) or None),
        ("Released:", when(found.get("released_at"), now) or None),
    )
    show(columns([row for row in rows if row[1] is not None]))


@command("open", "paas open", "paas open -a my-app")
@on_app
@click.pass_obj
def open_app(session: Session, app: str) -> None:
    """Print an app's URL, and open it in a browser.

    The browser is left out where there is no screen.
    """
    url = plain(session.api.get(path("apps", app)).one()["web_url"])
    show([url])
    if session.environment.has_display and url.startswith(("http://", "https://")):
        click.launch(url)


def _standing(formation: Sequence[Mapping[str, Any]], dynos: Sequence[Mapping[str, Any]]) -> str:
    """`web: 1 up, 1 crashed; worker: 0`: each type's dynos by state; where there are none, how many are wanted."""
    parts = []
    for line in formation:
        states = Counter(dyno["state"] for dyno in dynos if dyno["type"] == line["type"])
        counts = [f"{states[state]} {state}" for state in sorted(states, key=_up_first)]
        parts.append(f"{line['type']}: {', '.join(counts) or line['quantity']}")
    return "; ".join(parts)


def _up_first(state: str) -> tuple[bool, str]:
    return state != "up", state
