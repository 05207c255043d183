"""A new image + the app's config = a release."""

from collections.abc import Mapping, Sequence

from paas.logs.store import say
from paas.model.app import App
from paas.model.build import Image
from paas.model.config import Config
from paas.model.release import Release
from paas.releases.declared import Declared
from paas.releases.want import want
from paas.wiring import Platform

NOTHING = Declared()


def release_image(
    app: App,
    image: Image,
    processes: Mapping[str, str],
    description: str,
    commit: str,
    by: str,
    platform: Platform,
    now: float,
    declared: Declared = NOTHING,
) -> Release:
    """Records the image and its release, and wants it; who calls it announces it.

    Raises UnknownApp or InvalidConfig.
    """
    with platform.record.write():
        app = platform.apps.named(app.id)
        platform.builds.add_image(image)
        release = platform.releases.add(
            app.id,
            image=image.id,
            processes=processes,
            config=declared.config(wanted_config(app, platform)),
            description=description,
            commit=commit,
            by=by,
            now=now,
        )
        want(app, release, platform, now)
        platform.formations.declare(app.id, declared.quantities(processes))
    return release


def wanted_config(app: App, platform: Platform) -> Config:
    """The config of the wanted release: that of a release that failed is rolled back with it."""
    if app.wanted_release is None:
        return Config()
    return platform.releases.get(app.id, app.wanted_release).config


def failed_configs(app: App, platform: Platform) -> Sequence[Config]:
    """Of the releases since the current one, the newest first: none of them serves."""
    current = app.current_release or 0
    releases = platform.releases.all(app.id)
    return [release.config for release in releases if release.number > current]


def announce_release(app: App, release: Release, platform: Platform, now: float) -> None:
    """To the log, and to whoever brings it about."""
    platform.wire.converge(app.id)
    platform.wire.announce(app.id)
    say(
        platform.logs,
        app.id,
        "api",
        f"Release v{release.number} created by {release.created_by}",
        now,
    )
