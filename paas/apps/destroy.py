"""Destroys an app: its name is free at once, and everything of it goes."""

from paas.logs.store import say
from paas.model.app import App
from paas.model.build import BuildState
from paas.model.change import Change
from paas.model.deploy import DeployState
from paas.wiring import Platform

WHY = "the app was destroyed"


def destroy(app: App, by: str, platform: Platform, now: float) -> Change:
    """May be repeated after a crash. Converge takes it out of the table, stops and removes; then `forget` runs.

    The change is live when no router knows the app any more.
    """
    with platform.record.write():
        platform.apps.destroy(app.id, now)
        platform.domains.remove_all(app.id)
        platform.formations.remove_all(app.id)
        for build in platform.builds.of(app.id):
            platform.builds.end(build.id, BuildState.CANCELLED, now, WHY)
        if (deploy := platform.deploys.open(app.id)) is not None:
            platform.deploys.end(deploy, DeployState.FAILED, now, WHY)
        version = platform.apps.touch(app.id)
    say(platform.logs, app.id, "api", f"App {app.name} destroyed by {by}", now)
    platform.wire.converge(app.id)
    platform.wire.announce(app.id)
    return Change(version)
