"""Makes a release the wanted one. From here on it is converge's."""

from paas.model.app import App
from paas.model.change import Change
from paas.model.deploy import DeployState
from paas.model.process import ONCE, RELEASE
from paas.model.release import Release
from paas.scheduler.deadline import deploy_deadline
from paas.wiring import Platform


def want(app: App, release: Release, platform: Platform, now: float) -> Change:
    """Called in the transaction that made the release. A release without an image is current at once."""
    version = platform.apps.change(app.id)
    if release.image is None:
        platform.apps.settle(app.id, release.number, now)
        return Change(version, release)
    platform.formations.settle(app.id, is_live=False)  # of a deploy whose place this one takes
    _adopt_processes(app, release, platform)
    platform.apps.want(app.id, release.number, now)
    state, deadline = DeployState.STARTING, deploy_deadline(platform.settings, now)
    if RELEASE in release.processes:  # and there may be another to wait for
        state, deadline = DeployState.RELEASING, now + 2 * platform.settings.release_seconds
    platform.deploys.begin(
        app.id, release.number, wake=version, deadline=deadline, now=now, state=state
    )
    return Change(version, release)


def _adopt_processes(app: App, release: Release, platform: Platform) -> None:
    """The first release runs one web dyno; a type that is new later begins with none."""
    known = platform.formations.of(app.id).lines
    first = {"web": 1} if not known else {}
    missing = {
        process: first.get(process, 0)
        for process in release.processes
        if process not in known and process not in ONCE
    }
    platform.formations.scale(app.id, missing)
