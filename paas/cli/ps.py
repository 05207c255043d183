"""ps: an app's dynos."""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, on_app
from paas.cli.session import Session
from paas.cli.text import ago, plain, say, show, show_json, when

ONE_OFF = "run"
WELL = ("up", "retiring", "stopping")
"""The states whose reason is how the dyno came up, which is no news; `--json` has it all the same."""


@command("ps", "paas ps", "paas ps -a my-app --json")
@on_app
@as_json
@click.pass_obj
def list_dynos(session: Session, app: str, as_json: bool) -> None:
    """List an app's dynos.

    By process type, with the number that is wanted: state, since when, host and release of each; of one that crashed
    why, and what it printed last.
    """
    dynos = session.api.get(path("apps", app, "dynos")).many()
    if as_json:
        show_json(dynos)
        return
    formation = session.api.get(path("apps", app, "formation")).many()
    if not formation and not dynos:
        say(f"{app} has no dynos. Type: git push paas main")
        return
    show(render(formation, dynos, time.time()))
    types = {dyno["type"] for dyno in dynos}
    if any(line["quantity"] and line["type"] not in types for line in formation):
        _explain(session, app)


def render(
    formation: Sequence[Mapping[str, Any]], dynos: Sequence[Mapping[str, Any]], now: float
) -> Iterator[str]:
    wanted = {line["type"]: line for line in formation}
    types = sorted(wanted | {dyno["type"]: None for dyno in dynos}, key=_web_first)
    for process in types:
        present = sorted((dyno for dyno in dynos if dyno["type"] == process), key=_number)
        if process in wanted:
            line = wanted[process]
            yield f"=== {plain(process)} ({line['quantity']}): {_command(line)}"
        else:
            yield f"=== {plain(process)} ({len(present)}): {_kind(process)}"
        for dyno in present:
            yield _dyno(dyno, now) + ("" if process in wanted else _known_command(dyno))
            yield from (f"    {plain(line)}" for line in dyno.get("last_lines") or ())


def _dyno(dyno: Mapping[str, Any], now: float) -> str:
    said = f"{plain(dyno['name'])}: {plain(dyno['state'])} {when(dyno.get('updated_at'), now)}"
    if dyno.get("host"):
        said += f" on {plain(dyno['host'])}"
    release = (dyno.get("release") or {}).get("version")
    if release is not None:
        said += f", v{plain(release)}"
    if dyno.get("exit_code") is not None:
        said += f", exit code {_exit_code(dyno['exit_code'])}"
    if dyno.get("reason") and dyno["state"] not in WELL:
        said += f", {plain(dyno['reason'])}"
    if dyno.get("host_health") not in (None, "up"):
        said += f", {plain(dyno['host'])} is {plain(dyno['host_health'])}"
        said += f", last seen {ago(dyno.get('seen_at'), now)}"
    return said


def _exit_code(code: int) -> str:
    """With the signal's name, where one ended it."""
    try:
        return f"{code} ({signal.Signals(code - 128).name})"
    except ValueError:
        return str(code)


def _explain(session: Session, app: str) -> None:
    """Why something is wanted and nothing is there."""
    found = session.api.get(path("apps", app)).one()
    if found.get("stopped"):
        say(f"{app} is stopped. Type: paas start -a {app}")
    elif found.get("blocked"):
        say(f"{app} waits: {plain(found['blocked'])} See: paas hosts")


def _command(of: Mapping[str, Any]) -> str:
    return plain(of.get("command") or "") or "(the image's own command)"


def _known_command(of: Mapping[str, Any]) -> str:
    """That of a one-off is told to whoever began it, and kept nowhere but in the log."""
    return f": {plain(of['command'])}" if of.get("command") else ""


def _kind(process: str) -> str:
    return "one-off commands" if process == ONE_OFF else "not in the formation"


def _web_first(process: str) -> tuple[bool, str]:
    return process != "web", process


def _number(dyno: Mapping[str, Any]) -> tuple[int, str]:
    number = str(dyno["name"]).rpartition(".")[2]
    return (int(number) if number.isdecimal() else 0), str(dyno["name"])
