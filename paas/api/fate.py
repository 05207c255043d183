"""What became of a build: of itself, and then of the release that it made."""

from dataclasses import dataclass
from enum import StrEnum

from paas.model.app import App
from paas.model.build import Build, BuildState, Purpose
from paas.model.deploy import Deploy, DeployState
from paas.wiring import Platform


class Outcome(StrEnum):
    PENDING = "pending"
    LIVE = "live"
    BUILT = "built"
    """Nothing was to be released."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    """A release of another image took its place."""


@dataclass(frozen=True, slots=True)
class Fate:
    outcome: Outcome
    reason: str | None = None
    release: int | None = None
    """That brings its image: its own, or the last one of the same image that took its place."""
    deploy: Deploy | None = None
    is_current: bool = False
    """The image is the one that serves."""


def builds_before(build: Build, platform: Platform) -> int:
    """Of all apps: those under way, and those that are queued for longer."""
    queued = platform.builds.in_state(BuildState.QUEUED)
    under_way = platform.builds.in_state(BuildState.BUILDING)
    return len(under_way) + sum(each.created_at < build.created_at for each in queued)


def fate_of(build: Build, app: App, platform: Platform) -> Fate:
    return fate_beside(build, app, current_image(app, platform), platform)


def current_image(app: App, platform: Platform) -> str | None:
    """What serves."""
    if app.current_release is None:
        return None
    return platform.releases.get(app.id, app.current_release).image


def fate_beside(build: Build, app: App, current: str | None, platform: Platform) -> Fate:
    """`current` is the app's current image: for who asks about many builds."""
    match build.state:
        case BuildState.QUEUED | BuildState.BUILDING:
            return Fate(Outcome.PENDING)
        case BuildState.FAILED:
            return Fate(Outcome.FAILED, build.reason)
        case BuildState.CANCELLED:
            return Fate(Outcome.CANCELLED, build.reason)
        case BuildState.SUCCEEDED if build.release is None and build.purpose is not Purpose.RELEASE:
            return Fate(Outcome.BUILT)
        case BuildState.SUCCEEDED:
            return _fate_of_release(build, app.id, current, platform)


def _fate_of_release(build: Build, app_id: str, current: str | None, platform: Platform) -> Fate:
    if build.release is None:
        return Fate(Outcome.PENDING)
    number, deploy = _last_of_image(app_id, build.release, platform)
    is_current = build.image is not None and build.image == current
    if deploy is None:
        outcome = Outcome.LIVE if is_current else Outcome.PENDING
        return Fate(outcome, None, number, None, is_current)
    outcome = {
        DeployState.SUCCEEDED: Outcome.LIVE,
        DeployState.FAILED: Outcome.FAILED,
        DeployState.SUPERSEDED: Outcome.SUPERSEDED,
    }.get(deploy.state, Outcome.PENDING)
    return Fate(outcome, deploy.reason, number, deploy, is_current)


def _last_of_image(app_id: str, number: int, platform: Platform) -> tuple[int, Deploy | None]:
    """A config change during a deploy makes a release of the same image, and that one brings it."""
    deploy = platform.deploys.of(app_id, number)
    if deploy is None or deploy.state is not DeployState.SUPERSEDED:
        return number, deploy
    image = platform.releases.get(app_id, number).image
    for release in reversed(platform.releases.all(app_id)):
        if release.number > number and release.image == image:
            later = platform.deploys.of(app_id, release.number)
            number, deploy = release.number, later
            if later is None or later.state is not DeployState.SUPERSEDED:
                break
    return number, deploy
