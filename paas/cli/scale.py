"""scale."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, no_wait, on_app
from paas.cli.session import Session
from paas.cli.text import plain, say, show, show_json
from paas.cli.wait import settle
from paas.errors import Invalid


class InvalidScale(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{plain(text)[:60]!r} is not a quantity. Give TYPE=N, TYPE+N or TYPE-N, such as: paas scale web=5"
        )


@command("scale", "paas scale web=5", "paas scale web+1 worker=0 -a my-app", "paas scale")
@click.argument("quantities", metavar="[TYPE=N]...", nargs=-1)
@on_app
@no_wait
@as_json
@click.pass_obj
def scale(
    session: Session, quantities: Sequence[str], app: str, no_wait: bool, as_json: bool
) -> None:
    """Change how many dynos of each process type run.

    TYPE=N, TYPE+N or TYPE-N. Returns when the change is live in every router. Without any: prints the formation.
    """
    formation = path("apps", app, "formation")
    if not quantities:
        lines = session.api.get(formation).many()
        if as_json:
            show_json(lines)
        elif lines:
            show([_listed(lines)])
        else:
            say(f"{app} has no process types yet. Type: git push paas main")
        return
    updates = [read_quantity(text) for text in quantities]
    answer = session.api.patch(formation, {"updates": updates})
    say(f"Scaling {app}: {' '.join(quantities)}")
    settle(session.api, app, answer, no_wait, f"Live: {app} {_listed(answer.many())}")


def read_quantity(text: str) -> dict[str, object]:
    """`web=5`, `web+1`, `web-1` as the API has it. A type may itself hold a `-`."""
    found = re.fullmatch(r"([A-Za-z][\w-]*)(?:=(\d{1,6})|([+-]\d{1,6}))", text, re.ASCII)
    if found is None:
        raise InvalidScale(text)
    process, quantity, difference = found.groups()
    return {"type": process, "quantity": difference if quantity is None else int(quantity)}


def _listed(formation: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(f"{plain(line['type'])}={plain(line['quantity'])}" for line in formation)
