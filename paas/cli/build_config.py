"""builds:config, builds:config:unset."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, on_app
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json
from paas.errors import Invalid
from paas.model.build_config import LISTS, SETTINGS, BuildConfig


class InvalidBuildSetting(Invalid):
    def __init__(self, given: str) -> None:
        super().__init__(
            f"{plain(given)[:60]!r} is no SETTING=VALUE. Nothing was changed. See: paas builds:config --help"
        )


@command(
    "builds:config",
    "paas builds:config",
    "paas builds:config path=services/api",
    "paas builds:config dockerfile=deploy/Dockerfile target=web -a my-app",
    "paas builds:config args=RAILS_ENV,REVISION secrets=NPM_TOKEN",
)
@click.argument("assignments", metavar="[SETTING=VALUE...]", nargs=-1)
@on_app
@as_json
@click.pass_obj
def build_config(session: Session, assignments: Sequence[str], app: str, as_json: bool) -> None:
    """Show or change how an app is built.

    \b
    path        the folder of the repository that is the app
    dockerfile  the Dockerfile, within path; it decides before any buildpack
    target      the stage of the Dockerfile
    args        names of config vars that a Dockerfile's ARG gets; in the image's history
    secrets     names of config vars for RUN --mount=type=secret,id=NAME; nowhere in the image

    It counts for the next build; nothing restarts.
    """
    place = path("apps", app, "build-config")
    if assignments:
        changes = read_settings(assignments)
        found = session.api.patch(place, changes).one()
    else:
        found = session.api.get(place).one()
    if as_json:
        show_json(found)
    elif assignments:
        _tell(app, found)
    else:
        show(columns([[f"{name}:", value] for name, value in _set(found)]))
        if not any(_set(found)):
            say(f"{app} has no build settings. See: paas builds:config --help")


@command(
    "builds:config:unset",
    "paas builds:config:unset target",
    "paas builds:config:unset args secrets -a my-app",
)
@click.argument("names", metavar="SETTING...", nargs=-1, required=True)
@on_app
@click.pass_obj
def unset(session: Session, names: Sequence[str], app: str) -> None:
    """Unset how an app is built.

    The next build goes without.
    """
    changes = dict.fromkeys(names)
    BuildConfig().changed(changes)
    _tell(app, session.api.patch(path("apps", app, "build-config"), changes).one())


def read_settings(assignments: Sequence[str]) -> dict[str, str | Sequence[str] | None]:
    """What `SETTING=VALUE` says. Raises InvalidBuildSetting or InvalidBuildConfig."""
    changes: dict[str, str | Sequence[str] | None] = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        if not name or not value or name in changes:
            raise InvalidBuildSetting(assignment)
        changes[name] = value.split(",") if name in LISTS else value
    BuildConfig().changed(changes)
    return changes


def _set(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    values = [(name, found.get(name)) for name in SETTINGS]
    return [
        (name, ", ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in values
        if value
    ]


def _tell(app: str, found: Mapping[str, Any]) -> None:
    now = " ".join(f"{name}={value.replace(', ', ',')}" for name, value in _set(found))
    say(f"The next build of {app} uses: {plain(now)}" if now else f"{app} has no build settings")
