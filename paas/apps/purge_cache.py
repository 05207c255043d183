"""Takes away what an app's builds have kept for the next one."""

import uuid
from contextlib import suppress

from paas.errors import Conflict
from paas.logs.store import say
from paas.model.app import App
from paas.model.build import BuildState
from paas.wiring import Platform


class BuildUnderWay(Conflict):
    def __init__(self, app: str) -> None:
        super().__init__(
            f"{app} is being built, and its build uses the cache. Try again when it is over, or cancel it first: "
            f"paas builds:cancel -a {app}"
        )


def purge_cache(app: App, by: str, platform: Platform, now: float) -> None:
    """The next build finds none. What was in it is removed by and by: only a container may. Raises BuildUnderWay."""
    folder = platform.settings.build_cache(app.id)
    left_over = folder.with_name(str(uuid.uuid4()))  # of no app, so it is cleared
    with platform.record.write():  # meanwhile no build begins
        if any(build.state is BuildState.BUILDING for build in platform.builds.of(app.id)):
            raise BuildUnderWay(app.name)
        with suppress(FileNotFoundError):
            folder.rename(left_over)
    say(platform.logs, app.id, "api", f"Build cache purged by user {by}", now)
    platform.wire.upkeep("clear_build_caches")
