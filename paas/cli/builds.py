"""builds, builds:output, builds:cancel, builds:cache:purge."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from paas.cli.client import ApiRefused, Client, path
from paas.cli.command import as_json, command, on_app
from paas.cli.patience import Patience
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json, when, who
from paas.errors import Unavailable, Unknown

PENDING = "pending"
SHOWN = 8
"""How much of an id and of a commit is shown; a person may type as little."""


class UnknownBuild(Unknown):
    def __init__(self, app: str, named: str) -> None:
        super().__init__(f"{app} has no {named}. See: paas builds -a {app}")


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
    newest = newest_first(session.api, app)[:num]
    if as_json:
        show_json(newest)
        return
    now = time.time()
    show(
        columns(
            [
                (
                    build["id"][:SHOWN],
                    _state(build),
                    ((build.get("source_blob") or {}).get("version") or "")[:SHOWN],
                    who(build.get("user")),
                    when(build.get("created_at"), now),
                    ", ".join(map(_buildpack, build.get("buildpacks") or ())),
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
    found = build_named(session.api, app, build)
    with click.open_file("-", "wb") as out:
        for piece in follow(session.api, path("apps", app, "builds", found["id"])):
            out.write(piece)
            out.flush()


def follow(api: Client, build: str) -> Iterator[bytes]:
    """Every byte once, until it is known what became of the build. An API that restarts meanwhile is asked again."""
    patience, offset = Patience(), 0
    while True:
        try:
            pieces = api.stream(f"{build}/output?offset={offset}", "text/plain")
            patience.heard()
            for piece in pieces:
                offset += len(piece)
                yield piece
            if api.get(build).one()["status"] != PENDING:
                return
        except (Unavailable, ApiRefused) as error:
            if patience.is_over(error):
                raise
        patience.pause()


@command("builds:cancel", "paas builds:cancel", "paas builds:cancel 3f2a91c0 -a my-app")
@click.argument("build", required=False)
@on_app
@click.pass_obj
def cancel(session: Session, build: str | None, app: str) -> None:
    """Cancel a build.

    BUILD, or the one that is under way. What serves now serves on.
    """
    builds = newest_first(session.api, app)
    if build is None:
        builds = [build for build in builds if build["status"] == PENDING]
    found = _find(app, build, builds, "build under way")
    session.api.delete(path("apps", app, "builds", found["id"]))
    say(f"Cancelled the build {plain(found['id'])[:SHOWN]} of {app}.")


@command("builds:cache:purge", "paas builds:cache:purge", "paas builds:cache:purge -a my-app")
@on_app
@click.pass_obj
def purge_cache(session: Session, app: str) -> None:
    """Forget what an app's builds have kept.

    The next build fetches and makes everything anew.
    """
    session.api.delete(path("apps", app, "build-cache"))
    say(f"Purged the build cache of {app}.")


def build_named(api: Client, app: str, given: str | None) -> dict[str, Any]:
    """The newest, or the one whose id begins as given. Raises UnknownBuild."""
    return _find(app, given, newest_first(api, app), "builds yet")


def newest_first(api: Client, app: str) -> list[dict[str, Any]]:
    found = api.get(path("apps", app, "builds")).many()
    return sorted(found, key=lambda build: str(build["created_at"]), reverse=True)


def _state(build: dict[str, Any]) -> str:
    state = str(build.get("outcome") if build["status"] == "failed" else build["status"])
    return f"{state}, {build['before']} before it" if build.get("before") else state


def _buildpack(used: dict[str, Any]) -> str:
    """The last part of its name, and which one it was."""
    name = str(used.get("name")).rstrip("/").rpartition("/")[2].partition("#")[0]
    version = str(used.get("version") or "").removeprefix("sha256:")[:SHOWN]
    return f"{name}@{version}" if version else name


def _find(
    app: str, given: str | None, builds: Sequence[dict[str, Any]], none: str
) -> dict[str, Any]:
    """The newest, or the one whose id begins as given. `none` is what there is none of, where there is none."""
    fitting = [build for build in builds if given is None or build["id"].startswith(given)]
    if given is not None and len(fitting) != 1:
        raise UnknownBuild(app, f"build '{given[:40]}'")
    if not fitting:
        raise UnknownBuild(app, none)
    return fitting[0]
