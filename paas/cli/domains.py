"""domains, domains:add, domains:remove."""

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, no_wait, on_app
from paas.cli.session import Session
from paas.cli.text import plain, say, show, show_json
from paas.cli.wait import settle


@command("domains", "paas domains", "paas domains -a my-app --json")
@on_app
@as_json
@click.pass_obj
def list_domains(session: Session, app: str, as_json: bool) -> None:
    """List an app's domains."""
    found = session.api.get(path("apps", app, "domains")).many()
    if as_json:
        show_json(found)
        return
    show(plain(domain["hostname"]) for domain in found)
    if not found:
        say(f"{app} has no domains of its own. Type: paas domains:add HOSTNAME -a {app}")


@command(
    "domains:add", "paas domains:add www.example.com", "paas domains:add '*.example.com' -a my-app"
)
@click.argument("hostname")
@on_app
@no_wait
@click.pass_obj
def add(session: Session, hostname: str, app: str, no_wait: bool) -> None:
    """Add a domain to an app.

    Returns when every router serves the app under it. That the name leads here (DNS) is up to you.
    """
    answer = session.api.post(path("apps", app, "domains"), {"hostname": hostname})
    say(f"Adding {hostname} to {app}")
    settle(session.api, app, answer, no_wait, f"Live: {app} answers for {hostname}")


@command(
    "domains:remove",
    "paas domains:remove www.example.com",
    "paas domains:remove a.example.com -a my-app",
)
@click.argument("hostname")
@on_app
@no_wait
@click.pass_obj
def remove(session: Session, hostname: str, app: str, no_wait: bool) -> None:
    """Remove a domain from an app."""
    answer = session.api.delete(path("apps", app, "domains", hostname))
    say(f"Removing {hostname} from {app}")
    settle(session.api, app, answer, no_wait, f"Live: {app} no longer answers for {hostname}")
