"""run: a one-off command in a dyno of its own."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence

import click

from paas.cli.client import path
from paas.cli.command import command, on_app
from paas.cli.session import Session
from paas.cli.terminal import attach
from paas.cli.text import plain, say, show


@command(
    "run",
    "paas run bash",
    "paas run -a my-app -- python manage.py migrate --noinput",
    "paas run 'echo $DATABASE_URL | wc -c'",
    "paas run --detach python import.py",
    context_settings={"allow_interspersed_args": False},
)
@on_app
@click.option("-d", "--detach", is_flag=True, help="Do not wait: print the dyno's name.")
@click.option("--no-tty", is_flag=True, help="No terminal, even where there is one.")
@click.argument("words", metavar="COMMAND...", nargs=-1, required=True)
@click.pass_obj
def run(session: Session, app: str, detach: bool, no_tty: bool, words: Sequence[str]) -> int:
    """Run a one-off command in a dyno of its own.

    With the current release's image and config. Your terminal is the command's, and its exit code is paas's. Options
    come before the command, and -- ends them. One word is a line for the dyno's shell; several are one command and
    its arguments, as they are.
    """
    has_terminal = not (no_tty or detach) and sys.stdin.isatty() and sys.stdout.isatty()
    body: dict[str, object] = {
        "command": words[0] if len(words) == 1 else shlex.join(words),
        "attach": not detach,
        "force_no_tty": not has_terminal,
    }
    if has_terminal:
        size = shutil.get_terminal_size()
        body["env"] = {
            "TERM": session.environment.terminal,
            "COLUMNS": str(size.columns),
            "LINES": str(size.lines),
        }
    dyno = session.api.post(path("apps", app, "dynos"), body).one()
    name = plain(dyno["name"])
    if detach:
        show([name])
        say(f"It runs by itself. Its output: paas logs --tail --ps {name} -a {app}")
        return 0
    return attach(
        session.api, app, name, dyno["attach_url"], sys.stdin.fileno(), os.dup(1), has_terminal
    )
