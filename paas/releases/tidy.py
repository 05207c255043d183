"""Keeps the images of the last releases that went live, under their names, and removes the others.

By the record's own lists only: never a volume, never what this platform did not make.
"""

from collections.abc import Sequence

from paas.engine.engine import ImageMissing
from paas.engine.registry import RegistrySilent
from paas.model.app import App
from paas.model.build import Image
from paas.model.deploy import DeployState
from paas.model.host import HostHealth
from paas.scheduler.releasing import output_name
from paas.scheduler.spec import image_name
from paas.wiring import Platform

UNRELEASED_SECONDS = 7 * 86400.0
"""How long an image is kept that was built to be released later."""
REMEMBERED_SECONDS = 7 * 86400.0
"""How long the rows of containers that are gone are kept."""


def tidy(app_id: str, platform: Platform, now: float) -> None:
    """Safe to repeat and to kill. What it goes by is read at one moment: an image comes with its release."""
    with platform.record.read():
        app = platform.apps.get(app_id)
        images = platform.builds.images(app.id)
        tags = _kept(app, images, platform, now)
    if app.destroyed_at is not None:
        return
    repository = image_name(platform.settings.platform, app)
    for image in images:
        if image.id in tags:
            for host, reference in _answering(image, platform):
                for number in tags[image.id]:
                    _tag(host, reference, f"{repository}:v{number}", platform)
        else:
            _remove(image, platform, now)


def forget(app: App, platform: Platform, now: float) -> None:
    """Everything of a destroyed app whose containers are gone: images, logs, rows."""
    if app.destroyed_at is None or platform.containers.of(app.id):
        return
    for image in platform.builds.images(app.id):
        _remove(image, platform, now)
    if platform.builds.images(app.id):
        return  # a host that has one does not answer; the sweep tries again
    for build in platform.builds.of(app.id, limit=100_000):
        platform.logs.remove_output(build.id)
    for release in platform.releases.all(app.id):
        platform.logs.remove_output(output_name(app.id, release.number))
    platform.logs.remove(app.id)
    with platform.record.write():
        platform.builds.remove_all(app.id)
        platform.buildpacks.remove_all(app.id)
        platform.build_configs.remove(app.id)
        platform.deploys.remove_all(app.id)
        platform.releases.remove_all(app.id)
        platform.containers.remove_all(app.id)
        platform.apps.forget(app.id)


def _kept(
    app: App, images: Sequence[Image], platform: Platform, now: float
) -> dict[str, list[int]]:
    """Image -> the releases it is kept for: the last that went live, the current and the wanted one.

    For none the newest that was built to be released later, if that is not long ago.
    """
    live = [
        deploy.release
        for deploy in platform.deploys.all(app.id)
        if deploy.state is DeployState.SUCCEEDED
    ][: platform.settings.releases_kept]
    numbers = {*live, app.wanted_release, app.current_release} - {None}
    kept: dict[str, list[int]] = {}
    for release in platform.releases.all(app.id):
        if release.image is not None and release.number in numbers:
            kept.setdefault(release.image, []).append(release.number)
    to_release = [image for image in images if image.processes is not None]
    for image in to_release[-1:]:
        if image.created_at > now - UNRELEASED_SECONDS:
            kept.setdefault(image.id, [])
    return kept


def _tag(host: str, reference: str, tag: str, platform: Platform) -> None:
    try:
        platform.engine.tag_image(host, reference, tag)
    except ImageMissing:
        return  # doctor tells; it is rebuilt from the kept source when it is needed


def _remove(image: Image, platform: Platform, now: float) -> None:
    """From every engine and the registry; what does not answer is asked again the next time."""
    answering = _answering(image, platform)
    others = [each for each in platform.builds.images(image.app_id) if each.id != image.id]
    for host, reference in answering:
        # Two builds of the same may have come to one image: it goes with the last.
        if not any(each.where.get(host) == reference for each in others):
            seen = platform.engine.image(host, reference)
            for name in seen.tags if seen else ():
                platform.engine.remove_image(host, name)
            platform.engine.remove_image(host, reference)
        platform.builds.place_image(image.id, host, None)
    if len(answering) == len(image.where) and _is_out_of_registry(image, platform):
        platform.builds.remove_image(image.id, now)


def _is_out_of_registry(image: Image, platform: Platform) -> bool:
    """Two builds of the same may have come to one digest: it goes with the last."""
    others = (other for other in platform.builds.images(image.app_id) if other.id != image.id)
    if image.digest is None or any(other.digest == image.digest for other in others):
        return True
    try:
        platform.registry.remove(image.digest)
    except RegistrySilent:
        return False
    platform.builds.publish_image(image.id, None)
    return True


def _answering(image: Image, platform: Platform) -> Sequence[tuple[str, str]]:
    """The hosts that have it and can be told to do something with it, and what each calls it."""
    up = {host.name for host in platform.hosts.all() if host.health is HostHealth.UP}
    return [(host, reference) for host, reference in image.where.items() if host in up]
