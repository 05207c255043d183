"""config, config:get, config:set, config:unset."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from paas.cli.client import Client, path
from paas.cli.command import as_json, command, no_wait, on_app
from paas.cli.session import Session
from paas.cli.text import plain, say, show, show_json
from paas.cli.wait import settle
from paas.errors import Invalid, Unknown
from paas.model.config import VALUE_LIMIT, InvalidConfig

MASK = "********"


class UnknownVars(Unknown):
    def __init__(self, app: str, keys: Sequence[str], harm: str = "") -> None:
        super().__init__(
            f"{app} has no config var {', '.join(keys)[:200]}.{harm} See: paas config -a {app}"
        )


class InvalidAssignment(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Nothing was changed. See: paas config:set --help")


@command("config", "paas config", "paas config --show -a my-app", "paas config --json")
@on_app
@click.option("--show", "is_shown", is_flag=True, help="Show the values, too.")
@as_json
@click.pass_obj
def list_config(session: Session, app: str, is_shown: bool, as_json: bool) -> None:
    """List an app's config vars.

    The values are secrets and are masked, with --json too, unless --show is given: what is printed ends up in the
    logs of a build server. A value's line breaks are shown as \\n; config:get prints a value as it is.
    """
    given = _vars(session.api, app)
    found = {key: given[key] if is_shown else MASK for key in sorted(given)}
    if as_json:
        show_json(found)
        return
    width = max((len(key) for key in found), default=0) + 1
    show(f"{plain(key) + ':':<{width}} {_one_line(value)}" for key, value in found.items())
    if not found:
        say(f"{app} has no config vars. Type: paas config:set KEY=VALUE -a {app}")


@command("config:get", "paas config:get DATABASE_URL", "paas config:get KEY -a my-app")
@click.argument("key")
@on_app
@click.pass_obj
def get(session: Session, key: str, app: str) -> None:
    """Print one config var.

    Byte for byte, and a line break after it.
    """
    found = _vars(session.api, app)
    if key not in found:
        raise UnknownVars(app, [key])
    click.echo(found[key].encode())


@command(
    "config:set",
    "paas config:set GREETING=hello WORKERS=4",
    "paas config:set CERTIFICATE=@server.pem",
    "printf %s \"$secret\" | paas config:set SECRET_KEY=-",
)  # fmt: skip
@click.argument("assignments", metavar="KEY=VALUE...", nargs=-1, required=True)
@on_app
@no_wait
@click.pass_obj
def set_vars(session: Session, assignments: Sequence[str], app: str, no_wait: bool) -> None:
    """Set config vars, all in one release.

    KEY=@FILE takes the value from a file, KEY=- from standard input: byte for byte, a line break at its end too. (So
    a value that begins with @, or is -, is given by standard input.) Values given like that stay out of your shell's
    history. Returns when the new release is live in every router, with no request dropped; if it fails, the old
    config stays.
    """
    changes = read_assignments(assignments)
    _change(session.api, app, changes, "Setting", no_wait)


@command("config:unset", "paas config:unset GREETING WORKERS", "paas config:unset KEY -a my-app")
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@on_app
@no_wait
@click.pass_obj
def unset(session: Session, keys: Sequence[str], app: str, no_wait: bool) -> None:
    """Unset config vars, all in one release.

    Returns when the new release is live in every router.
    """
    present = _vars(session.api, app)
    missing = [key for key in keys if key not in present]
    if missing:
        raise UnknownVars(app, missing, " Nothing was changed.")
    _change(session.api, app, dict.fromkeys(keys), "Unsetting", no_wait)


def read_assignments(assignments: Sequence[str]) -> dict[str, str | None]:
    """What `KEY=VALUE`, `KEY=@FILE` and `KEY=-` say. Raises InvalidAssignment or InvalidConfig."""
    changes: dict[str, str | None] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise InvalidAssignment(f"{plain(assignment)[:60]!r} is not KEY=VALUE.")
        if key in changes:
            raise InvalidAssignment(f"{plain(key)[:60]} is given twice.")
        if value == "-":
            if any(other != assignment and other.endswith("=-") for other in assignments):
                raise InvalidAssignment("Standard input can be the value of one key only.")
            changes[key] = _text(key, sys.stdin.buffer.read(VALUE_LIMIT + 1), "standard input")
        elif value.startswith("@"):
            changes[key] = _file(key, value[1:])
        else:
            changes[key] = _text(key, value.encode(errors="surrogateescape"), "the value")
    return changes


def _file(key: str, name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            return _text(key, file.read(VALUE_LIMIT + 1), name)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InvalidAssignment(
            f"{plain(key)[:60]}: the file {plain(name)[:200]!r} cannot be read: {why}."
        ) from None


def _text(key: str, value: bytes, origin: str) -> str:
    if len(value) > VALUE_LIMIT:
        raise InvalidConfig(key, f"{origin} has more than {VALUE_LIMIT} bytes")
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidConfig(key, f"{origin} is not UTF-8 text") from None


def _change(
    api: Client, app: str, changes: dict[str, str | None], verb: str, no_wait: bool
) -> None:
    answer = api.patch(path("apps", app, "config-vars"), changes)
    say(f"{verb} {', '.join(changes)} on {app}")
    release = answer.headers.get("paas-release")
    settle(api, app, answer, no_wait, f"Live: {app}{f' v{plain(release)}' if release else ''}")


def _vars(api: Client, app: str) -> dict[str, str]:
    found: dict[str, str] = api.get(path("apps", app, "config-vars")).one()
    return found


def _one_line(value: str) -> str:
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in value
    )
