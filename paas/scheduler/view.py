"""What one step of converge goes by: read once, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from paas.model.app import App
from paas.model.container import GONE, Container, Kind
from paas.model.deploy import Deploy
from paas.model.formation import Dyno
from paas.model.release import Release
from paas.wiring import Platform


@dataclass(frozen=True, slots=True)
class View:
    app: App
    deploy: Deploy | None
    release: Release | None
    """The wanted one."""
    dynos: frozenset[Dyno]
    rows: Sequence[Container]
    crashes: Sequence[Container]
    runs: Sequence[Container]
    """One-offs: converge only removes them when they have ended."""


def look(app_id: str, platform: Platform) -> View:
    """Raises UnknownApp."""
    with platform.record.read():
        app = platform.apps.get(app_id)
        deploy = platform.deploys.open(app.id)
        release = (
            None
            if app.wanted_release is None
            else platform.releases.get(app.id, app.wanted_release)
        )
        dynos: frozenset[Dyno] = frozenset()
        if release is not None and release.image is not None and not app.stopped:
            dynos = frozenset(
                platform.formations.of(app.id).dynos(release.number, release.processes)
            )
        every = platform.containers.of(app.id, gone=True)
    rows = [row for row in every if row.kind is Kind.DYNO and row.state is not GONE]
    runs = [row for row in every if row.kind is Kind.RUN and row.state is not GONE]
    crashes = [row for row in every if row.kind is Kind.DYNO and row.crashed_at is not None]
    return View(app, deploy, release, dynos, rows, crashes, runs)
