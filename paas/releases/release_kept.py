"""A release of an image that is there: one that was built to be released later, or was released before."""

from collections.abc import Mapping
from dataclasses import replace

from paas.errors import Unknown
from paas.model.app import App
from paas.model.build import Builder, Image
from paas.model.change import Change
from paas.releases.create import announce_release, wanted_config
from paas.releases.want import want
from paas.wiring import Platform


class UnknownImage(Unknown):
    def __init__(self, app: str) -> None:
        super().__init__(
            f"{app} has no such image, or it is not kept any more. See: paas builds -a {app}"
        )


def release_kept(app: App, image: Image, by: str, platform: Platform, now: float) -> Change:
    """With the config as it is now. Raises UnknownImage when it is removed meanwhile."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        found = platform.builds.image(image.id)
        if found is None or found.removed_at is not None:
            raise UnknownImage(app.name)
        version = image.commit[:7] or image.id[:8]
        release = platform.releases.add(
            app.id,
            image=image.id,
            processes=_processes(app, image, platform),
            config=wanted_config(app, platform),
            description=f"Deploy {'image ' if image.builder is Builder.IMAGE else ''}{version}",
            commit=image.commit,
            by=by,
            now=now,
        )
        change = want(app, release, platform, now)
    announce_release(app, release, platform, now)
    return replace(change, release=release)


def _processes(app: App, image: Image, platform: Platform) -> Mapping[str, str]:
    if image.processes is not None:
        return image.processes
    for release in platform.releases.all(app.id):
        if release.image == image.id:
            return release.processes
    raise UnknownImage(app.name)
