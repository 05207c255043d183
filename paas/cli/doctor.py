"""doctor."""

import click

from paas.cli.client import path
from paas.cli.command import as_json, command
from paas.cli.session import Session
from paas.cli.text import columns, plain, show, show_json

RED = "red"


@command("doctor", "paas doctor", "paas doctor --json")
@as_json
@click.pass_obj
def doctor(session: Session, as_json: bool) -> int:
    """Examine the platform; fail if anything is red.

    One line for each part: ok, warn or red, what was found, and the next command to type. Exit code 1 if one is red.
    Only an admin may.
    """
    findings = session.api.get(path("doctor")).one()["findings"]
    if as_json:
        show_json(findings)
    else:
        show(
            columns(
                [
                    (
                        each["state"],
                        each["name"],
                        f"{plain(each['text'])} {_next(each.get('next'))}",
                    )
                    for each in findings
                ]
            )
        )
    return 1 if any(each["state"] == RED for each in findings) else 0


def _next(command: object) -> str:
    return f"Type: {plain(command)}" if command else ""
