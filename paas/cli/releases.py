"""releases, rollback."""

import re
import time
from collections.abc import Mapping
from typing import Any

import click

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


@command("rollback", "paas rollback", "paas rollback v12", "paas rollback v12 -a my-app")
@click.argument("release", required=False)
@on_app
@no_wait
@click.pass_obj
def rollback(session: Session, release: str | None, app: str, no_wait: bool) -> None:
    """Go back to an earlier release.

    To the image and the config of RELEASE, in a new release and without a build; without RELEASE, of the one before
    the current. Returns when it is live in every router.
    """
    if release is not None and not re.fullmatch(r"v?\d{1,9}", release, re.ASCII):
        raise InvalidRelease(app, release)
    wanted = None if release is None else f"v{release.removeprefix('v')}"
    say(f"Rolling {app} back to {wanted or 'the release before the current'}")
    answer = session.api.post(path("apps", app, "releases"), {"release": wanted})
    made = answer.one()
    settle(
        session.api, app, answer, no_wait,
        f"Live: {app} v{plain(made['version'])}, {plain(made.get('description', ''))}",
    )  # fmt: skip


def _standing(release: Mapping[str, Any]) -> str:
    if release.get("current"):
        return "current"
    status = release.get("status")
    if status in (None, "succeeded"):
        return ""
    return f"{status}: {release['reason']}" if release.get("reason") else str(status)
