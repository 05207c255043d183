"""builds, builds:output, builds:cancel."""

import time
from collections.abc import Sequence
from typing import Any

import click

from paas.cli.client import Client, path
from paas.cli.command import as_json, command, on_app
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json, when
from paas.errors import Unknown

SHOWN = 8
"""How much of an id and of a commit is shown; a person may type as little."""


class UnknownBuild(Unknown):
    def __init__(self, app: str, given: str | None) -> None:
        named = f"no build '{given[:40]}'" if given else "no such build"
        super().__init__(f"{app} has {named}. See: paas builds -a {app}")


@command("builds", "paas builds", "paas builds -a my-app --json")
@on_app
@click.option(
    "-n", "--num", type=click.IntRange(min=1), default=15, show_default=True, help="How many."
)
@as_json
@click.pass_obj
def list_builds(session: Session, app: str, num: int, as_json: bool) -> None:
    """List an app's builds.

    The newest first.
    """
    newest = _newest_first(session.api, app)[:num]
    if as_json:
        show_json(newest)
        return
    now = time.time()
    show(
        columns(
            [
                (
                    build["id"][:SHOWN],
                    build.get("outcome") if build["status"] == "failed" else build["status"],
                    ((build.get("source_blob") or {}).get("version") or "")[:SHOWN],
                    (build.get("user") or {}).get("email"),
                    when(build.get("created_at"), now),
                    build.get("reason"),
                )
                for build in newest
            ]
        )
    )
    if not newest:
        say(f"{app} has no builds. Type: git push paas main")


@command("builds:output", "paas builds:output", "paas builds:output 3f2a91c0 -a my-app")
@click.argument("build", required=False)
@on_app
@click.pass_obj
def output(session: Session, build: str | None, app: str) -> None:
    """Print a build's output.

    Of BUILD, or of the newest; one that is still under way is followed to its end.
    """
    found = _find(app, build, _newest_first(session.api, app))
    target = path("apps", app, "builds", found["id"], "output")
    with click.open_file("-", "wb") as out:
        for piece in session.api.stream(target, "text/plain"):
            out.write(piece)
            out.flush()


@command("builds:cancel", "paas builds:cancel", "paas builds:cancel 3f2a91c0 -a my-app")
@click.argument("build", required=False)
@on_app
@click.pass_obj
def cancel(session: Session, build: str | None, app: str) -> None:
    """Cancel a build.

    BUILD, or the one that is under way. What serves now serves on.
    """
    builds = _newest_first(session.api, app)
    if build is None:
        builds = [build for build in builds if build["status"] == "pending"]
    found = _find(app, build, builds)
    session.api.delete(path("apps", app, "builds", found["id"]))
    say(f"Cancelled the build {plain(found['id'])[:SHOWN]} of {app}.")


def _newest_first(api: Client, app: str) -> list[dict[str, Any]]:
    found = api.get(path("apps", app, "builds")).many()
    return sorted(found, key=lambda build: str(build["created_at"]), reverse=True)


def _find(app: str, given: str | None, builds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The newest, or the one whose id begins as given."""
    fitting = [build for build in builds if given is None or build["id"].startswith(given)]
    if not fitting or (given is not None and len(fitting) > 1):
        raise UnknownBuild(app, given)
    return fitting[0]
