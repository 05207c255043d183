"""POST /apps/{app}/builds: a build of what was uploaded, of a commit that was pushed, or of what was built before."""

import re
import time
import uuid
from typing import Annotated

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.builds import BuildOut, build_out
from paas.api.sources import NotASource, source_of
from paas.api.stored import build_stored
from paas.errors import Invalid, Unavailable
from paas.model.app import App
from paas.model.build import Build, BuildState, Source
from paas.model.person import Person
from paas.store.builds import UnknownBuild
from paas.wire import SILENT
from paas.wiring import Platform

router = APIRouter(tags=["builds"])
OURS = re.compile(r"(?:https?://[^/]*)?/sources/([0-9a-f-]{36})")


class QueueAway(Unavailable):
    def __init__(self, trouble: str) -> None:
        super().__init__(f"{trouble}, so nothing can be built now. See: paas doctor")


class NotOneThing(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "A build is of one thing: name a source_blob or a commit. Nothing was changed."
        )


class SourceGone(Invalid):
    def __init__(self, app: str) -> None:
        super().__init__(
            f"The source of that build of {app} is not kept any more. Push again, or type: paas deploy"
        )


class SourceBlobIn(BaseModel):
    url: Annotated[str, Field(max_length=4000)]
    version: Annotated[str, Field(max_length=200)] | None = None
    """The commit."""


class BuildIn(BaseModel):
    source_blob: SourceBlobIn | None = None
    commit: Annotated[str, Field(max_length=200)] | None = None
    """Ours: a commit, a branch or a tag that was pushed."""


@router.post("/apps/{app}/builds", status_code=201)
async def begin_build(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, given: BuildIn
) -> BuildOut:
    """Its release is deployed when it is built; follow `output_stream_url`."""
    if (given.source_blob is None) == (given.commit is None):
        raise NotOneThing
    if given.commit is not None:
        build_id = await build_stored(app, person, given.commit, platform.settings)
        return await run_in_threadpool(_show, build_id, app, person, platform)
    assert given.source_blob is not None
    return await run_in_threadpool(_begin, given.source_blob, app, person, platform)


def _begin(blob: SourceBlobIn, app: App, person: Person, platform: Platform) -> BuildOut:
    source = _source(blob, app, person, platform)
    build = Build(
        id=str(uuid.uuid4()),
        app_id=app.id,
        state=BuildState.QUEUED,
        source=source.id,
        commit=blob.version or "",
        person=person.name,
        created_at=time.time(),
    )
    platform.builds.add(build)
    if not platform.wire.build(build.id, platform.settings.build_seconds):
        trouble = platform.wire.trouble() or SILENT
        platform.builds.end(build.id, BuildState.FAILED, time.time(), trouble)
        raise QueueAway(trouble)
    return build_out(build, app, person, platform)


def _source(blob: SourceBlobIn, app: App, person: Person, platform: Platform) -> Source:
    """One's own, or what the app was built of before. Raises NotASource, UnknownSource and SourceGone."""
    named = OURS.fullmatch(blob.url)
    if named is None:
        raise NotASource(blob.url)
    was_built = platform.builds.is_source_of(named[1], app.id)
    if was_built and not platform.sources.has(named[1]):
        raise SourceGone(app.name)
    source = (
        platform.builds.source(named[1]) if was_built else source_of(named[1], person, platform)
    )
    if not platform.sources.has(source.id):
        raise NotASource(blob.url)
    return source


def _show(build_id: str, app: App, person: Person, platform: Platform) -> BuildOut:
    build = platform.builds.get(build_id)
    if build is None:
        raise UnknownBuild(app.name, build_id)
    return build_out(build, app, person, platform)
