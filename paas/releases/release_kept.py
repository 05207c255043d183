"""A release of an image that is there: one that was built to be released later, or was released before."""

from collections.abc import Mapping
from dataclasses import replace

from paas.builds.app_file import read_app_file
from paas.errors import Unknown
from paas.model.app import App
from paas.model.build import Builder, Image
from paas.model.change import Change
from paas.releases.create import announce_release, failed_configs, wanted_config
from paas.releases.declared import Declared
from paas.releases.want import want
from paas.wiring import Platform


class UnknownImage(Unknown):
    def __init__(self, app: str) -> None:
        super().__init__(
            f"{app} has no such image, or it is not kept any more. See: paas builds -a {app}"
        )


def release_kept(app: App, image: Image, by: str, platform: Platform, now: float) -> Change:
    """With the config as it is now, and what its app.json brings. Raises UnknownImage when it is removed meanwhile."""
    with platform.record.write():
        app = platform.apps.named(app.id)
        found = platform.builds.image(image.id)
        if found is None or found.removed_at is not None:
            raise UnknownImage(app.name)
        version = image.commit[:7] or image.id[:8]
        config, processes = wanted_config(app, platform), _processes(app, image, platform)
        app_file = read_app_file((found.app_file or "").encode())
        declared = Declared.of(app_file, config, failed_configs(app, platform))
        release = platform.releases.add(
            app.id,
            image=image.id,
            processes=processes,
            config=declared.config(config),
            description=f"Deploy {'image ' if image.builder is Builder.IMAGE else ''}{version}",
            commit=image.commit,
            by=by,
            now=now,
        )
        change = want(app, release, platform, now)
        platform.formations.declare(app.id, declared.quantities(processes))
    announce_release(app, release, platform, now)
    return replace(change, release=release)


def _processes(app: App, image: Image, platform: Platform) -> Mapping[str, str]:
    if image.processes is not None:
        return image.processes
    for release in platform.releases.all(app.id):
        if release.image == image.id:
            return release.processes
    raise UnknownImage(app.name)
