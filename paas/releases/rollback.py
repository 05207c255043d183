"""Goes back: a new release with the image, the process types and the config of an old one."""

from dataclasses import replace

from paas.errors import Conflict
from paas.model.app import App
from paas.model.change import Change
from paas.model.deploy import DeployState
from paas.model.release import Release, UnknownRelease
from paas.releases.create import announce_release
from paas.releases.want import want
from paas.wiring import Platform


class NothingToRollBackTo(Conflict):
    def __init__(self, app: str) -> None:
        super().__init__(
            f"{app} has no earlier release that went live. See: paas releases -a {app}"
        )


def roll_back(app: App, number: int | None, by: str, platform: Platform, now: float) -> Change:
    """To release `number`, or to the last that went live before the current one. No build.

    Raises UnknownRelease, also for a release that never ran, and NothingToRollBackTo.
    """
    with platform.record.write():
        app = platform.apps.named(app.id)
        old = _target(app, number, platform)
        release = platform.releases.add(
            app.id,
            image=old.image,
            processes=old.processes,
            config=old.config,
            description=f"Rollback to v{old.number}",
            commit=old.commit,
            by=by,
            now=now,
        )
        change = want(app, release, platform, now)
    announce_release(app, release, platform, now)
    return replace(change, release=release)


def _release(app: App, number: int, platform: Platform) -> Release:
    try:
        return platform.releases.get(app.id, number)
    except UnknownRelease:
        raise UnknownRelease(app.name, number) from None  # people know it by its name


def _target(app: App, number: int | None, platform: Platform) -> Release:
    if number is not None:
        old = _release(app, number, platform)
        deploy = platform.deploys.of(app.id, number)
        if old.image is not None and (deploy is None or deploy.state is not DeployState.SUCCEEDED):
            raise UnknownRelease(app.name, number, "never ran this release")
        return old
    for deploy in platform.deploys.all(app.id):
        if deploy.state is DeployState.SUCCEEDED and deploy.release != app.current_release:
            return platform.releases.get(app.id, deploy.release)
    raise NothingToRollBackTo(app.name)
