"""/apps/{app}/actions: stop and start. Ours."""

import time

from fastapi import APIRouter, Response

from paas.api.apps import AppOut
from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.shapes import tell
from paas.scheduler.restart import start, stop

router = APIRouter(tags=["actions"])


@router.post("/apps/{app}/actions/stop")
def stop_app(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, response: Response
) -> AppOut:
    """Nothing is wanted any more, and the formation is kept."""
    tell(stop(app, person.name, platform, time.time()), response)
    return AppOut.of(platform.apps.get(app.id), platform.settings)


@router.post("/apps/{app}/actions/start")
def start_app(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, response: Response
) -> AppOut:
    tell(start(app, person.name, platform, time.time()), response)
    return AppOut.of(platform.apps.get(app.id), platform.settings)
