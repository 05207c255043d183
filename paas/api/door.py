"""/door: what sshd's forced command asks before it lets anybody in. Reached by the door alone."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from paas.api.asked import CurrentPlatform
from paas.api.shapes import NamedOut
from paas.auth import person_of_key, reach_app

router = APIRouter(tags=["door"])


class LimitsOut(BaseModel):
    source_mb: int


class DoorOut(BaseModel):
    person: str
    app: NamedOut | None
    limits: LimitsOut


@router.get("/door")
def open_door(
    platform: CurrentPlatform,
    key: str,
    name: Annotated[str | None, Query(alias="app")] = None,
) -> DoorOut:
    """Whose key it is, and the app, if they may push to it."""
    person = person_of_key(key, platform.people)
    app = None if name is None else reach_app(name, person, platform.apps)
    return DoorOut(
        person=person.name,
        app=None if app is None else NamedOut.of_app(app),
        limits=LimitsOut(source_mb=platform.settings.source_mb),
    )
