"""restart, stop, start."""

import click

from paas.cli.client import path
from paas.cli.command import command, no_wait, on_app
from paas.cli.session import Session
from paas.cli.text import plain, say
from paas.cli.wait import settle
from paas.errors import Invalid


class NotOneOff(Invalid):
    def __init__(self, dyno: str, app: str) -> None:
        name = plain(dyno)[:60]
        process, dot, _ = name.partition(".")
        way = f"To replace it: paas restart {name} -a {app}; to have fewer: paas scale {process}-1 -a {app}"
        if not dot:
            way = (
                f"To stop an app: paas stop -a {name}; a process type: paas scale {name}=0 -a {app}"
            )
        super().__init__(f"{name} is no one-off such as run.4711. {way}")


@command("restart", "paas restart", "paas restart web.2", "paas restart worker -a my-app")
@click.argument("dyno", required=False)
@on_app
@no_wait
@click.pass_obj
def restart(session: Session, dyno: str | None, app: str, no_wait: bool) -> None:
    """Restart an app's dynos, without a gap.

    DYNO is one of them (web.2) or a process type (web); without it, all. New ones take over before old ones stop.
    """
    target = path("apps", app, "dynos", dyno) if dyno is not None else path("apps", app, "dynos")
    answer = session.api.delete(target)
    if answer.is_stopped:
        say(f"{app} is stopped: there is nothing to restart. To start it: paas start -a {app}")
        return
    say(f"Restarting {dyno or 'every dyno'} of {app}")
    settle(session.api, app, answer, no_wait, f"Live: {app} was restarted")


@command("stop", "paas stop", "paas stop -a my-app", "paas stop run.4711")
@click.argument("dyno", metavar="[ONE-OFF]", required=False)
@on_app
@no_wait
@click.pass_obj
def stop(session: Session, dyno: str | None, app: str, no_wait: bool) -> None:
    """Stop an app and keep its formation.

    The router answers for it with a page of its own until it is started again. With ONE-OFF, a dyno of 'paas run'
    such as run.4711, only that one ends.
    """
    if dyno is not None:
        if not dyno.startswith("run."):
            raise NotOneOff(dyno, app)
        session.api.post(path("apps", app, "dynos", dyno, "actions", "stop"))
        say(f"Stopping {dyno} of {app}")
        return
    answer = session.api.post(path("apps", app, "actions", "stop"))
    say(f"Stopping {app}")
    settle(session.api, app, answer, no_wait, f"Stopped. To start it again: paas start -a {app}")


@command("start", "paas start", "paas start -a my-app")
@on_app
@no_wait
@click.pass_obj
def start(session: Session, app: str, no_wait: bool) -> None:
    """Start a stopped app.

    With the formation it had.
    """
    answer = session.api.post(path("apps", app, "actions", "start"))
    say(f"Starting {app}")
    settle(session.api, app, answer, no_wait, f"Live: {app} was started")
