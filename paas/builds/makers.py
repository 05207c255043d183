"""What builds an app: what its people chose; a lost image what made it, whatever they have chosen since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paas.model.build import UNKNOWN, Build, Builder
from paas.model.build_config import BuildConfig
from paas.model.buildpack import Buildpack
from paas.store.build_configs import BuildConfigStore
from paas.store.buildpacks import BuildpackStore
from paas.store.builds import BuildStore


@dataclass(frozen=True, slots=True)
class Makers:
    buildpacks: Sequence[Buildpack]
    """None: it is found out."""
    build_config: BuildConfig = field(default_factory=BuildConfig)
    last: str = ""
    """The buildpack that made the app's newest image, to begin with; empty: nobody knows. What is found out counts."""
    builder: Builder | None = None
    """What made the lost image; None: it is found out."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """Of a lost image: the versions of the buildpacks it was made by, which are used again if they are still here."""


def makers_of(
    build: Build,
    app_id: str,
    builds: BuildStore,
    chosen: BuildpackStore,
    build_configs: BuildConfigStore,
) -> Makers:
    image = None if build.image is None else builds.image(build.image)
    if image is None:
        return Makers(chosen.of(app_id), build_configs.of(app_id), _last(app_id, builds))
    used = builds.makers_of(image.id)
    return Makers(
        [Buildpack.parse(each.name) for each in used if each.name != UNKNOWN],
        builds.build_config_of(image.id),
        builder=image.builder,
        pins={each.name: each.version for each in used if each.version},
    )


def _last(app_id: str, builds: BuildStore) -> str:
    made = builds.images(app_id)
    used = builds.makers_of(made[-1].id) if made else ()
    return used[0].name if len(used) == 1 else ""
