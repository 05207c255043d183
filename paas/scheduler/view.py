"""What one step of converge goes by: read once, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paas.model.app import App
from paas.model.container import Container, Kind
from paas.model.deploy import Deploy, DeployState
from paas.model.formation import Dyno
from paas.model.host import Host, HostHealth, Schedulable
from paas.model.release import Release
from paas.scheduler.plan import CRASH_MEMORY_SECONDS
from paas.wiring import Platform

EMPTIED = frozenset({Schedulable.DRAINING, Schedulable.BUILD_ONLY})


@dataclass(frozen=True, slots=True)
class View:
    app: App
    deploy: Deploy | None
    release: Release | None
    """The wanted one; while another's release process runs, the current one."""
    releasing: Release | None
    """Whose release process is to end well before it is started."""
    dynos: frozenset[Dyno]
    rows: Sequence[Container]
    crashes: Sequence[Container]
    runs: Sequence[Container]
    """One-offs: converge only removes them when they have ended."""
    release_processes: Sequence[Container]
    hosts: Mapping[str, Host]

    def answers(self, row: Container) -> bool:
        """Its host does as it is told. What is to be done on another waits until it does, or is down."""
        host = self.hosts.get(row.host)
        return host is not None and host.health is HostHealth.UP

    def is_leaving(self, row: Container) -> bool:
        """Its dyno is to be filled anew: its host drains, or a router came that does not reach it."""
        host = self.hosts.get(row.host)
        return host is not None and (host.schedulable in EMPTIED or not row.is_within_reach(host))


def look(app_id: str, platform: Platform, now: float) -> View:
    """Raises UnknownApp."""
    with platform.record.read():
        app = platform.apps.get(app_id)
        deploy = platform.deploys.open(app.id)
        releasing, number = None, app.wanted_release
        if deploy is not None and deploy.state is DeployState.RELEASING:
            releasing = platform.releases.get(app.id, deploy.release)
            number = app.current_release
        release = None if number is None else platform.releases.get(app.id, number)
        dynos: frozenset[Dyno] = frozenset()
        if release is not None and release.image is not None and not app.stopped:
            is_next = deploy is not None and releasing is None
            formation = platform.formations.of(app.id)
            dynos = frozenset(formation.dynos(release.number, release.processes, is_next=is_next))
        live = platform.containers.of(app.id)
        crashes = platform.containers.crashed_since(now - CRASH_MEMORY_SECONDS, app.id)
        hosts = {host.name: host for host in platform.hosts.all()}
    rows = [row for row in live if row.kind is Kind.DYNO]
    runs = [row for row in live if row.kind is Kind.RUN]
    release_processes = [row for row in live if row.kind is Kind.RELEASE]
    return View(
        app, deploy, release, releasing, dynos, rows, crashes, runs, release_processes, hosts
    )
