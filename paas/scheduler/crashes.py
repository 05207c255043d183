"""What has crashed, and what is lost with its host: the rows say so from here on."""

from paas.engine.engine import KILLED, HostUnreachable
from paas.model.container import FILLS, PLACED, PULLING, STARTING, UP, Container
from paas.model.host import HostHealth
from paas.scheduler.apply import crash, give_up, listening, lose
from paas.scheduler.plan import is_looping
from paas.scheduler.probe import Check, come_up
from paas.scheduler.view import View
from paas.store.leases import Lease
from paas.wiring import Platform

LAST_SECONDS = 2.0
"""What is asked within a step keeps a worker from every other app."""


def note_lost(view: View, lease: Lease, platform: Platform, now: float) -> bool:
    """What filled a dyno on a host that is down, and what has yet to be made on one that does not answer."""
    away = [row for row in view.rows if row.state in FILLS and not view.answers(row)]
    for row in away:
        host = view.hosts.get(row.host)
        if host is None:
            give_up(row, lease, platform, now, reason=f"host {row.host} is not there any more")
        elif host.health is HostHealth.DOWN:
            lose(row, f"host {row.host} is down", platform, now, lease)
        elif row.state in (PLACED, PULLING):
            give_up(row, lease, platform, now, reason=f"host {row.host} is {host.health}")
    return bool(away)


def note_crashes(view: View, lease: Lease, platform: Platform, now: float) -> bool:
    """What exited while it started, exits in a loop, or did not answer in time has crashed.

    What did not answer in time on a host that does not answer either is lost, through no fault of its own.
    """
    is_news = False
    for row in view.rows:
        try:
            if why := _why_crashed(row, view, platform, now):
                is_news |= crash(row, why, platform, now, lease=lease)
        except HostUnreachable:
            is_news |= lose(row, f"host {row.host} does not answer", platform, now, lease)
    return is_news


def _why_crashed(row: Container, view: View, platform: Platform, now: float) -> str | None:
    if row.state is STARTING and row.exits:
        return f"exited with status {row.exit_code} while starting{_memory(row)}"
    if row.state is UP and row.exits and view.deploy and row.dyno.release == view.deploy.release:
        # Only until it serves: what served before is still there.
        return f"exited right after it had come up{_memory(row)}"
    if row.state is UP and is_looping(row):
        times = len(row.exits)
        return (
            f"exited {times} times within a minute, last with status {row.exit_code}{_memory(row)}"
        )
    if row.state is STARTING and row.port is not None and row.deadline and row.deadline <= now:
        return _why_silent(row, platform, now)  # raises HostUnreachable
    if row.state is PULLING and row.deadline and row.deadline <= now:
        return f"its image could not be had on host {row.host}: {row.reason or 'it took too long'}"
    return None


def _memory(row: Container) -> str:
    """The kernel ended it for its memory, if the engine said so; not every engine does, or in time."""
    if row.was_out_of_memory:
        return f": {row.reason}"
    return " (killed, perhaps for want of memory)" if row.exit_code == KILLED else ""


def _why_silent(row: Container, platform: Platform, now: float) -> str | None:
    """None: it answers, and is up by that. `watch` was away while it started, so nobody had asked it."""
    heard = listening(row, platform)
    seconds = f"{platform.settings.start_seconds:g} s"
    got = row.reason or "no connection was accepted"
    if any(where in heard for where in (f"0.0.0.0:{row.port}", f"[::]:{row.port}")):
        got, is_up = Check(row, platform, LAST_SECONDS).ask()
        if is_up:
            come_up(row, got, platform, now)
            return None
        return f"{got}, {seconds} after its start"
    if not heard:
        return f"nothing listens on 0.0.0.0:{row.port} after {seconds} ({got}); listen on $PORT"
    return f"listens on {', '.join(heard)}, expected 0.0.0.0:{row.port} ($PORT) within {seconds} ({got})"
