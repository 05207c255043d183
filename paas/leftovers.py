"""What builds that are over and apps that are no more leave in the platform's folder."""

import shutil
from collections.abc import Sequence
from contextlib import suppress

from paas.builds.discard import discard
from paas.builds.fetched import clear_unused
from paas.engine.engine import HostUnreachable
from paas.model.app import App
from paas.model.build import BuildState
from paas.model.host import LOCAL
from paas.scheduler.spec import build_tag
from paas.wiring import Platform

SOURCE_SECONDS = 86400.0
"""How long a source is kept that no image is made of."""
OUTPUTS_KEPT = 100
"""Of the builds of one app."""


def clear_leftovers(platform: Platform, now: float) -> None:
    """Safe to repeat and to kill."""
    settings, builds = platform.settings, platform.builds
    repositories = [*settings.repositories.glob("*.git")]
    caches = [*(settings.builds / "cache").glob("*")]
    folders = [*(settings.builds / "work").glob("*")]
    # What is there was listed before what is known is asked: nothing that is just made is taken for left over.
    apps = [*platform.apps.all(), *platform.apps.all(destroyed=True)]
    known = {app.id for app in apps}
    under_way = [*builds.in_state(BuildState.QUEUED), *builds.in_state(BuildState.BUILDING)]
    old = now - SOURCE_SECONDS
    for half in (*settings.sources.glob("*.part"), *settings.repositories.glob(".new-*")):
        with suppress(FileNotFoundError):  # it has become whole meanwhile
            if half.stat().st_mtime < old:
                shutil.rmtree(half) if half.is_dir() else half.unlink()
    for repository in repositories:
        if repository.stem not in known:
            shutil.rmtree(repository, ignore_errors=True)
    for cache in caches:
        if cache.name not in known:
            discard(cache, platform.engine, LOCAL, settings)
    for folder in folders:
        if folder.name not in {build.id for build in under_way}:
            discard(folder, platform.engine, LOCAL, settings)
    _untag_failed(apps, platform)
    needed = {build.source for build in under_way}
    needed |= {image.source for app in apps for image in builds.images(app.id)}
    for source in builds.sources():
        if source.id not in needed and source.created_at < old:
            with (
                platform.record.write()
            ):  # who builds it once more waits, and then does not find it
                if builds.remove_source(source.id):
                    platform.sources.remove(source.id)
    clear_unused(settings.fetched_buildpacks, now)
    for app in apps:
        for build in builds.of(app.id, limit=100_000)[OUTPUTS_KEPT:]:
            platform.logs.remove_output(build.id)


def _untag_failed(apps: Sequence[App], platform: Platform) -> None:
    """What a build that failed had tagged: an image that nobody else names goes with it."""
    engine, over = platform.engine, (BuildState.FAILED, BuildState.CANCELLED)
    tags = {
        build_tag(platform.settings.platform, app, build)
        for app in apps
        for build in platform.builds.of(app.id)
        if build.state in over
    }
    with suppress(HostUnreachable):
        for image in engine.images(LOCAL):
            for tag in tags.intersection(image.tags):
                engine.remove_image(LOCAL, tag)
