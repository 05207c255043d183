"""/apps/{app}/buildpack-installations: by which buildpacks the next build goes, and the cache that they keep."""

import time
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.apps.buildpacks import set_buildpacks
from paas.apps.purge_cache import purge_cache
from paas.model.buildpack import Buildpack

router = APIRouter(tags=["buildpacks"])


class UpdateIn(BaseModel):
    buildpack: Annotated[str, Field(max_length=2000)]


class UpdatesIn(BaseModel):
    updates: list[UpdateIn] = Field(max_length=100)


class BuildpackOut(BaseModel):
    url: str
    name: str


class InstallationOut(BaseModel):
    ordinal: int
    buildpack: BuildpackOut


@router.get("/apps/{app}/buildpack-installations")
def list_buildpacks(app: CurrentApp, platform: CurrentPlatform) -> list[InstallationOut]:
    """Those that were set, in their order. None: a file of the app says which, or the first that knows it."""
    return _listed(platform.buildpacks.of(app.id))


@router.put("/apps/{app}/buildpack-installations")
def put_buildpacks(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, given: UpdatesIn
) -> list[InstallationOut]:
    """In place of those before; the next build goes by them."""
    named = [update.buildpack for update in given.updates]
    return _listed(set_buildpacks(app, named, person.name, platform, time.time()))


@router.delete("/apps/{app}/build-cache", status_code=204)
def purge_build_cache(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform
) -> Response:
    """Ours. The next build begins without anything kept from those before. 409 while one is under way."""
    purge_cache(app, person.name, platform, time.time())
    return Response(status_code=204)


def _listed(buildpacks: Sequence[Buildpack]) -> list[InstallationOut]:
    return [
        InstallationOut(ordinal=ordinal, buildpack=BuildpackOut(url=str(each), name=str(each)))
        for ordinal, each in enumerate(buildpacks)
    ]
