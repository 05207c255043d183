"""Tells how far a change has come, from the record alone: what whoever waits for it is shown."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from paas.model.app import App
from paas.model.container import FILLS, UP, Container, Kind
from paas.model.deploy import OPEN, Deploy, DeployState
from paas.model.formation import Dyno
from paas.wiring import Platform

REPORT_LINES = 50
EXIT_SECONDS = 0.05
"""By how much the engine's clock may differ between an event and a line of a log."""
LOG_SECONDS = 15.0
"""How long the log of what has crashed may take to be read."""


class OutlookState(StrEnum):
    LIVE = "live"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Outlook:
    state: OutlookState
    text: str
    """One line: what is going on, what is live, or why it failed."""
    release: int | None = None
    """The release that was asked about, or the one that took its place."""


def outlook(app_id: str, version: int, platform: Platform, since: float) -> Outlook:
    """Of the change that was answered with `version`. `since` is when it was asked for: older crashes are not its.

    A deploy that a newer one took the place of follows that one: its parts are in there.
    """
    with platform.record.read():
        app = platform.apps.get(app_id)
        deploy = _deploy_of(app_id, version, platform)
        rows = platform.containers.of(app_id)
        crashed = platform.containers.crashed_since(since, app_id)
        running = platform.deploys.open(app_id)
    if deploy is not None and deploy.state is DeployState.FAILED:
        return Outlook(
            OutlookState.FAILED, f"v{deploy.release} failed: {deploy.reason}", deploy.release
        )
    release = None if deploy is None else deploy.release
    is_destroyed = app.destroyed_at is not None
    if deploy is None and crashed and running is None and not is_destroyed:
        last = crashed[-1]
        text = f"{last.dyno.name} crashed: {last.reason}; it will be tried again"
        return Outlook(OutlookState.FAILED, text)
    if app.live_wake >= version and (deploy is None or deploy.state not in OPEN):
        return Outlook(OutlookState.LIVE, _shape(app, platform), release)
    if app.blocked and not is_destroyed:
        if deploy is not None:
            return Outlook(OutlookState.WAITING, app.blocked, release)
        text = f"{app.blocked.rstrip('.')}. {_way_out(app, rows, platform)}"
        return Outlook(OutlookState.FAILED, text.rstrip())
    if running is None and (silent := _silent_routers(app, rows, platform, since)):
        names = ", ".join(silent)
        text = f"router {names} has not acknowledged the new routes; they go live when it does (paas routers)"
        return Outlook(OutlookState.FAILED, text, release)
    return Outlook(OutlookState.WAITING, _progress(app, running, rows, platform), release)


def _deploy_of(app_id: str, version: int, platform: Platform) -> Deploy | None:
    """The deploy that `version` began, or the newest that took its place."""
    newer: Deploy | None = None
    for deploy in platform.deploys.all(app_id):
        if deploy.wake == version:
            return newer if deploy.state is DeployState.SUPERSEDED else deploy
        if deploy.wake < version:
            return None
        newer = newer or deploy
    return None


def _shape(app: App, platform: Platform) -> str:
    if app.stopped:
        return "stopped"
    lines = platform.formations.of(app.id).lines
    running = [
        f"{process}={line.quantity}" for process, line in sorted(lines.items()) if line.quantity
    ]
    return f"live: {', '.join(running)}" if running else "live: nothing is wanted"


def _progress(
    app: App, deploy: Deploy | None, rows: Sequence[Container], platform: Platform
) -> str:
    if deploy is not None and deploy.state is DeployState.SWITCHING:
        return "switching: waiting for every router"
    if deploy is not None and deploy.state is DeployState.RELEASING:
        return _releasing(deploy, rows)
    if app.wanted_release is None:
        return "stopping"
    wanted = _wanted(app, platform)
    up = {row.dyno for row in rows if row.state is UP}
    filled = {row.dyno: row for row in rows if row.state in FILLS}
    missing = sorted(wanted - up)
    if not missing:
        return "routing: waiting for every router"
    first = missing[0]
    state = filled[first].state if first in filled else "pending"
    reason = filled[first].reason if first in filled else None
    more = f" ({reason})" if reason else ""
    return f"{len(wanted & up)} of {len(wanted)} up; {first.name} {state}{more}"


def _releasing(deploy: Deploy, rows: Sequence[Container]) -> str:
    found = [row for row in rows if row.kind is Kind.RELEASE]
    if any(row.dyno.release != deploy.release for row in found):
        return f"waiting for the release process of v{found[0].dyno.release} to end"
    if found and found[0].state is UP:
        return f"running the release process ({found[0].dyno.name})"
    return "starting the release process"


def _way_out(app: App, rows: Sequence[Container], platform: Platform) -> str:
    """Of one that could be placed in part: what becomes of the rest, and how to want no more than that."""
    placed = Counter(row.dyno.process for row in rows if row.state in FILLS)
    wanted = Counter(dyno.process for dyno in _wanted(app, platform))
    short = sorted(process for process in wanted if placed[process] < wanted[process])
    if not short:
        return ""
    fewer = " ".join(f"{process}={placed[process]}" for process in short)
    return (
        f"{placed.total()} of {wanted.total()} dynos are placed, the rest follow by themselves; "
        f"to want no more: paas scale {fewer} -a {app.name}"
    )


def _silent_routers(
    app: App, rows: Sequence[Container], platform: Platform, since: float
) -> Sequence[str]:
    """Those that a change has waited for long enough: it asks for nothing else any more."""
    up = {row.dyno: row for row in rows if row.state is UP}
    if not _wanted(app, platform) <= up.keys():
        return []
    asked = max([since, *(row.since for row in up.values())])
    if time.time() < asked + platform.settings.acknowledge_seconds:
        return []
    routers = platform.routers.counting()
    return [router.name for router in routers if (router.acknowledged_at or 0) < asked]


def _wanted(app: App, platform: Platform) -> frozenset[Dyno]:
    if app.stopped or app.wanted_release is None:
        return frozenset()
    release = platform.releases.get(app.id, app.wanted_release)
    formation, is_next = platform.formations.of(app.id), release.number != app.current_release
    return frozenset(formation.dynos(release.number, release.processes, is_next=is_next))


def checks(app_id: str, release: int, platform: Platform) -> Sequence[str]:
    """Which check ran for each container of a release, and what it got: `web.1 accepted a connection on …`."""
    rows = platform.containers.of(app_id)
    return [
        f"{row.dyno.name} {row.reason}"
        for row in rows
        if row.dyno.release == release and row.reason
    ]


def crash_is_read(app_id: str, release: int, platform: Platform, now: float) -> bool:
    """The logs of a release's crashed containers were read to the end, or nobody waits for them any longer."""
    return all(
        row.is_logged or now > row.crashed_at + LOG_SECONDS
        for row in platform.containers.of(app_id, gone=True)
        if row.dyno.release == release and row.crashed_at is not None
    )


def crash_report(app_id: str, release: int, platform: Platform) -> Sequence[str]:
    """The last 50 lines that the first crashed container of a release printed."""
    crashed = [row for row in platform.containers.of(app_id, gone=True)
               if row.dyno.release == release and row.crashed_at is not None]  # fmt: skip
    if not crashed:
        return []
    lines, _ = platform.logs.tail(app_id, 1000, container=crashed[0].id)
    texts = [line.text for line in lines if line.at_ns <= _first_end(crashed[0])]
    return texts[-REPORT_LINES:]


def _first_end(row: Container) -> float:
    """Nanoseconds. The engine starts again what has exited, and what that printed says nothing new."""
    return (row.exits[0] + EXIT_SECONDS) * 1e9 if row.exits else float("inf")
