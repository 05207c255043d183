"""hosts, hosts:add, hosts:drain, hosts:undrain, hosts:remove, hosts:key."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from paas.cli.client import path
from paas.cli.command import as_json, command
from paas.cli.machines import HOSTS, confirmed_key, follow, no_wait, polled
from paas.cli.session import Session
from paas.cli.text import ago, columns, plain, say, show, show_json
from paas.errors import Failed

UP = "up"
STUCK_SECONDS = 3.0
"""For how long all that is left on a host must have had no room elsewhere, before nobody waits for it any more."""


class Stuck(Failed):
    def __init__(self, host: str, staying: Sequence[Mapping[str, Any]]) -> None:
        apps = "; ".join(f"{plain(each['app'])}: {plain(each['blocked'])}" for each in staying)
        super().__init__(
            f"{host} is draining and not empty, for want of room elsewhere: {apps} "
            "They move when there is some; see: paas hosts"
        )


@command("hosts", "paas hosts", "paas hosts --json")
@as_json
@click.pass_obj
def list_hosts(session: Session, as_json: bool) -> None:
    """List the hosts that dynos run on.

    Name, address, health and since when, whether it takes containers, how many it has, memory that no container has
    reserved, disk, engine, tunnel; and what is wrong, if anything is.
    """
    found = session.api.get(path("hosts")).many()
    if as_json:
        show_json(found)
        return
    show(columns([list(_cells(host, time.time())) for host in found]))


@command(
    "hosts:add",
    "paas hosts:add h2 ssh://deploy@10.0.0.2",
    "paas hosts:add h2 ssh://deploy@10.0.0.2:2222?socket=/run/user/1000/docker.sock",
    "paas hosts:add h2 ssh://deploy@10.0.0.2 --host-key SHA256:jGWMRuFzAc2HYEJzsNmpCh2mSGJVoBMWcOhHnEqaA5k",
)
@click.argument("name")
@click.argument("url")
@click.option(
    "--host-key", metavar="SHA256:...", help="The fingerprint that its sshd's key must have."
)
@no_wait
@click.pass_obj
def add(session: Session, name: str, url: str, host_key: str | None, no_wait: bool) -> None:
    """Register another machine's Docker engine.

    URL is ssh://USER@ADDRESS[:PORT][?socket=PATH]. USER lets the platform's key in (paas hosts:key) and may use the
    engine's socket. The key of the machine's sshd is shown and pinned: it must be the same ever after; on a terminal
    you are asked whether it is the one. The engine is examined, network and packet filter are put there, and a
    container is tried; should any of it fail, nothing has changed. Only an admin may.
    """
    if host_key is None and sys.stdin.isatty():
        host_key = confirmed_key(session, HOSTS, name, url)
    body: dict[str, object] = {"name": name, "url": url}
    if host_key is not None:
        body["host_key"] = host_key
    session.api.post(path("hosts"), body)
    if no_wait:
        say(f"{name} is being registered. See: paas hosts")
        return
    follow(session, HOSTS, name)
    host = session.api.get(path("hosts", name)).one()
    size = f"{_gigabytes(host['memory_mb'])} of memory"
    say(f"{name} takes containers: {plain(host['arch'])}, {size}, {_engine(host)}.")


@command("hosts:drain", "paas hosts:drain h2", "paas hosts:drain h2 --force")
@click.argument("name")
@click.option(
    "--force", is_flag=True, help="For a host that hangs: do not wait for what it runs; give it up."
)
@no_wait
@click.pass_obj
def drain(session: Session, name: str, force: bool, no_wait: bool) -> None:
    """Move everything off a host.

    Each dyno is up elsewhere before it ends there, and no request is dropped. Returns when the host is empty. Only an
    admin may.
    """
    body = {"schedulable": "draining", "force": force}
    host = session.api.patch(path("hosts", name), body).one()
    if no_wait:
        say(f"{name} is draining. See: paas hosts")
        return
    left = _until_empty(session, name, host)["containers"]
    what = "Everything that ran there is elsewhere" if left else f"{name} is empty"
    away = f"paas hosts:remove {name}{' --lost' if left else ''}"
    say(f"{what}. To take it away: {away}; back: paas hosts:undrain {name}")


@command("hosts:undrain", "paas hosts:undrain h2")
@click.argument("name")
@click.pass_obj
def undrain(session: Session, name: str) -> None:
    """Let a drained host take containers again.

    Nothing moves back by itself. Only an admin may.
    """
    session.api.patch(path("hosts", name), {"schedulable": "open"})
    say(f"{name} takes containers again.")


@command("hosts:remove", "paas hosts:remove h2", "paas hosts:remove h2 --lost")
@click.argument("name")
@click.option("--lost", is_flag=True, help="It is gone for good, with whatever it ran.")
@no_wait
@click.pass_obj
def remove(session: Session, name: str, lost: bool, no_wait: bool) -> None:
    """Forget a host that is empty.

    What the platform put there is taken away: network, packet filter, image. On the platform's own machine (local)
    apps are built ever after, and nothing else is. Only an admin may.
    """
    target = path("hosts", name) + ("?lost=true" if lost else "")
    session.api.delete(target)
    if not no_wait:
        follow(session, HOSTS, name)
    say(f"{name} is being removed. See: paas hosts" if no_wait else f"Removed the host {name}.")


@command("hosts:key", "paas hosts:key")
@click.pass_obj
def key(session: Session) -> None:
    """Print the key with which the platform logs in to hosts.

    A line for ~/.ssh/authorized_keys of the user that hosts:add names.
    """
    show([plain(session.api.get(path("hosts", "key")).one()["public_key"])])


def _until_empty(session: Session, name: str, host: Mapping[str, Any]) -> Mapping[str, Any]:
    """The host: empty, or one that does not answer and whose dynos are all elsewhere. Raises Stuck."""
    shown, stuck_at = "", 0.0
    for seen in polled(session, HOSTS, path("hosts", name), host):
        staying = seen["staying"]
        if not staying and (seen["containers"] == 0 or seen["health"] != UP):
            return seen
        text = _left(staying, seen["containers"])
        if text != shown:
            say(f"  {text}")
            shown, stuck_at = text, time.monotonic()
        if not staying or not all(each.get("blocked") for each in staying):
            stuck_at = time.monotonic()
        elif time.monotonic() > stuck_at + STUCK_SECONDS:
            raise Stuck(name, staying)
    return host


def _left(staying: Sequence[Mapping[str, Any]], containers: int) -> str:
    if not staying:
        return f"{containers} to end, when their requests have"
    count = sum(len(each["dynos"]) for each in staying)
    apps = ", ".join(f"{plain(each['app'])} {_names(each)}" for each in staying)
    return f"{count} to move: {apps}"


def _names(staying: Mapping[str, Any]) -> str:
    names = [plain(name) for name in staying["dynos"]]
    return " ".join(names) if len(names) < 4 else f"{' '.join(names[:3])} and {len(names) - 3} more"


def _cells(host: Mapping[str, Any], now: float) -> Iterator[str | None]:
    yield host["name"]
    yield host.get("address") or "here"
    yield f"{host['health']} since {ago(host.get('health_since'), now)}".removesuffix(" since ")
    yield host["schedulable"]
    count = host.get("containers")
    yield None if count is None else f"{count} container{'' if count == 1 else 's'}"
    free, whole = host.get("memory_unreserved_mb"), host.get("memory_mb")
    yield f"memory {_gigabytes(free)} of {_gigabytes(whole)} free" if whole else None
    yield f"disk {_gigabytes(host['disk_free_mb'])} free" if host.get("disk_free_mb") else None
    yield _engine(host) or None
    tunnel = host.get("tunnel")
    yield None if tunnel is None else f"tunnel {tunnel['state']}"
    yield None if host["health"] == UP else _trouble(host, now)


def _trouble(host: Mapping[str, Any], now: float) -> str:
    seen = f"seen {ago(host['seen_at'], now)}" if host.get("seen_at") else "never seen"
    return f"{seen}: {host.get('health_reason') or 'it does not answer'}"


def _engine(host: Mapping[str, Any]) -> str:
    version = host.get("engine_version")
    return f"engine {plain(version)}" if version else ""


def _gigabytes(megabytes: Any) -> str:
    return f"{(megabytes or 0) / 1024:.1f} GB"
