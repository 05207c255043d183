"""releases, releases:output, rollback."""

import re
import time
from collections.abc import Mapping
from typing import Any

import click

from paas.cli.builds import follow
from paas.cli.client import path
from paas.cli.command import as_json, command, no_wait, on_app
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json, when, who
from paas.cli.wait import settle
from paas.errors import Invalid


class InvalidRelease(Invalid):
    def __init__(self, app: str, text: str) -> None:
        super().__init__(
            f"{plain(text)[:60]!r} is not a release's number, such as v12. See: paas releases -a {app}"
        )


@command("releases", "paas releases", "paas releases -n 50 -a my-app --json")
@on_app
@click.option(
    "-n", "--num", type=click.IntRange(min=1), default=15, show_default=True, help="How many."
)
@as_json
@click.pass_obj
def list_releases(session: Session, app: str, num: int, as_json: bool) -> None:
    """List an app's releases.

    The newest first.
    """
    found = session.api.get(path("apps", app, "releases")).many()
    newest = sorted(found, key=lambda release: int(release["version"]), reverse=True)[:num]
    if as_json:
        show_json(newest)
        return
    now = time.time()
    show(
        columns(
            [
                (
                    f"v{release['version']}",
                    release.get("description"),
                    who(release.get("user")),
                    when(release.get("created_at"), now),
                    _standing(release),
                )
                for release in newest
            ]
        )
    )
    if not newest:
        say(f"{app} has no releases. Type: git push paas main")


@command("releases:output", "paas releases:output", "paas releases:output v12 -a my-app")
@click.argument("release", required=False)
@on_app
@click.pass_obj
def output(session: Session, release: str | None, app: str) -> None:
    """Print what a release process has printed.

    Of RELEASE, or of the newest; one that still runs is followed to its end.
    """
    if release is None:
        found = session.api.get(path("apps", app, "releases")).many()
        newest = max((int(each["version"]) for each in found), default=0)
        release = f"v{newest}"
    with click.open_file("-", "wb") as out:
        for piece in follow(session.api, path("apps", app, "releases", _version(app, release))):
            out.write(piece)
            out.flush()


@command("rollback", "paas rollback", "paas rollback v12", "paas rollback v12 -a my-app")
@click.argument("release", required=False)
@on_app
@no_wait
@click.pass_obj
def rollback(session: Session, release: str | None, app: str, no_wait: bool) -> None:
    """Go back to an earlier release.

    To the image and the config of RELEASE, in a new release and without a build. Without RELEASE: to the one that
    was live before the current; so a second time undoes the first. One that failed is never gone back to. Returns
    when it is live in every router.
    """
    wanted = None if release is None else _version(app, release)
    answer = session.api.post(path("apps", app, "releases"), {"release": wanted})
    made = answer.one()
    number, what = plain(made["version"]), plain(made.get("description", ""))
    say(f"Rolling back {app}: v{number} is {what}, its image and its config")
    settle(session.api, app, answer, no_wait, f"Live: {app} v{number}, {what}")


def _version(app: str, text: str) -> str:
    """`v12`. Raises InvalidRelease."""
    if not re.fullmatch(r"v?\d{1,9}", text, re.ASCII):
        raise InvalidRelease(app, text)
    return f"v{text.removeprefix('v')}"


def _standing(release: Mapping[str, Any]) -> str:
    if release.get("current"):
        return "current"
    status = release.get("status")
    if status in (None, "succeeded"):
        return ""
    return f"{status}: {release['reason']}" if release.get("reason") else str(status)
