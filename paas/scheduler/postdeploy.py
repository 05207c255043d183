"""The process that runs once when a release serves. What becomes of it changes nothing about the release."""

from dataclasses import replace

from paas.engine.engine import HostUnreachable
from paas.logs.store import say
from paas.model.container import PLACED, PULLING, Kind
from paas.model.formation import Dyno
from paas.model.process import POSTDEPLOY
from paas.scheduler.apply import give_up, start_all
from paas.scheduler.assign import assign
from paas.scheduler.view import View
from paas.store.leases import Lease
from paas.wiring import Platform


def place_postdeploy(view: View, lease: Lease, platform: Platform, now: float) -> None:
    """Called in the transaction that makes the release the current one: so it is begun once."""
    release = view.release
    if release is None or POSTDEPLOY not in release.processes:
        return
    dyno = Dyno(view.app.id, release.number, POSTDEPLOY, platform.rng.randrange(1000, 10_000))
    wanted = replace(view, dynos=view.dynos | {dyno})
    if not assign(wanted, [dyno], lease, platform, now, kind=Kind.RUN):
        text = "There was no room for the postdeploy process, and it was not run"
        say(platform.logs, view.app.id, "api", text, now)


def start_postdeploy(
    view: View, lease: Lease, platform: Platform, now: float
) -> list[HostUnreachable]:
    """The hosts that did not answer."""
    troubles = []
    for row in view.runs:
        if row.dyno.process != POSTDEPLOY or row.state not in (PLACED, PULLING):
            continue
        if row.state is PULLING and row.deadline is not None and row.deadline <= now:
            give_up(row, lease, platform, now, reason=f"no image on host {row.host}")
            continue
        release = platform.releases.get(view.app.id, row.dyno.release)
        troubles += start_all(view.app, release, [row], lease, platform, now)
    return troubles
