"""Says by which buildpacks an app is built. What runs stays as it is: the next build goes by it."""

from collections.abc import Sequence

from paas.builds.choice import check_ours
from paas.logs.store import say
from paas.model.app import App
from paas.model.buildpack import LIMIT, Buildpack, InvalidBuildpack
from paas.wiring import Platform


def set_buildpacks(
    app: App, named: Sequence[str], by: str, platform: Platform, now: float
) -> Sequence[Buildpack]:
    """In place of those before; none: the next build looks for itself again. Raises InvalidBuildpack."""
    if len(named) > LIMIT:
        raise InvalidBuildpack(f"An app has at most {LIMIT} buildpacks.")
    buildpacks = [Buildpack.parse(text) for text in named]
    for number, buildpack in enumerate(buildpacks):
        if buildpack.user or buildpack.password:
            raise InvalidBuildpack(
                f"A password in a URL would be shown to whoever lists the buildpacks of {app.name}. Put the "
                "whole URL into the config var BUILDPACK_URL instead."
            )
        if buildpack in buildpacks[:number]:
            raise InvalidBuildpack(f"{buildpack} is named twice.")
    check_ours(buildpacks, platform.settings)
    platform.buildpacks.put(app.id, buildpacks)
    shown = ", ".join(map(str, buildpacks)) or "none"
    say(platform.logs, app.id, "api", f"Set buildpacks to {shown} by user {by}", now)
    return buildpacks
