"""The process that runs once when a release serves. What becomes of it changes nothing about the release."""

from collections.abc import Sequence
from dataclasses import replace

from paas.engine.engine import HostUnreachable
from paas.logs.store import say
from paas.model.container import PLACED, PULLING, Container, Kind
from paas.model.formation import Dyno
from paas.model.host import HostHealth
from paas.model.process import POSTDEPLOY
from paas.scheduler.apply import give_up, start_all
from paas.scheduler.assign import assign
from paas.scheduler.view import View
from paas.store.leases import Lease
from paas.wiring import Platform


def run_postdeploy(
    view: View, lease: Lease, platform: Platform, now: float
) -> list[HostUnreachable]:
    """Placed once, and started once. The hosts that did not answer."""
    if view.app.destroyed_at is not None:
        return []
    placed = _place(view, lease, platform, now)
    troubles = []
    for row in (*view.runs, *placed):
        if row.dyno.process != POSTDEPLOY or row.state not in (PLACED, PULLING):
            continue
        if why := _why_never(row, view, now):
            if give_up(row, lease, platform, now, reason=why):
                say(platform.logs, view.app.id, row.dyno.name, f"It was not run: {why}", now)
        elif view.answers(row):
            release = platform.releases.get(view.app.id, row.dyno.release)
            troubles += start_all(view.app, release, [row], lease, platform, now)
    return troubles


def _place(view: View, lease: Lease, platform: Platform, now: float) -> Sequence[Container]:
    deploy = platform.deploys.postdeploy_due(view.app.id)
    if deploy is None:
        return []
    number = platform.rng.randrange(1000, 10_000)
    dyno = Dyno(view.app.id, deploy.release, POSTDEPLOY, number)
    release = platform.releases.get(view.app.id, deploy.release)
    wanted = replace(view, release=release, dynos=view.dynos | {dyno})
    with platform.record.write():
        if not platform.leases.holds(lease):
            return []
        platform.deploys.note_postdeploy(deploy, is_due=False)
        placed = assign(wanted, [dyno], lease, platform, now, kind=Kind.RUN)
    if not placed:
        text = f"There was no room for the postdeploy process of v{deploy.release}: it was not run"
        say(platform.logs, view.app.id, "api", text, now)
    return placed


def _why_never(row: Container, view: View, now: float) -> str | None:
    host = view.hosts.get(row.host)
    if host is None or host.health is HostHealth.DOWN:
        return f"host {row.host} was lost"
    if row.state is PULLING and row.deadline is not None and row.deadline <= now:
        return f"host {row.host} could not have its image"
    return None
