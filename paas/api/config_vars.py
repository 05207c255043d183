"""/apps/{app}/config-vars: the environment of the wanted release. A change makes a release."""

import time

from fastapi import APIRouter, Response

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.releases import number_of
from paas.api.shapes import tell
from paas.releases.configure import configure
from paas.releases.create import wanted_config

router = APIRouter(tags=["config-vars"])


@router.get("/apps/{app}/config-vars")
def show_config(app: CurrentApp, platform: CurrentPlatform) -> dict[str, str]:
    return dict(wanted_config(app, platform).vars)


@router.get("/apps/{app}/releases/{release}/config-vars")
def show_config_of_release(
    app: CurrentApp, platform: CurrentPlatform, release: str
) -> dict[str, str]:
    number = number_of(release, app, platform)
    return dict(platform.releases.get(app.id, number).config.vars)


@router.patch("/apps/{app}/config-vars")
def change_config(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    changes: dict[str, str | None],
    response: Response,
) -> dict[str, str]:
    """All of it is one release; null unsets. The answer is the whole config as it is now wanted."""
    change = configure(app, changes, person.name, platform, time.time())
    tell(change, response, stopped=app.stopped)
    if change.release is not None:
        return dict(change.release.config.vars)
    return dict(wanted_config(platform.apps.named(app.id), platform).vars)
