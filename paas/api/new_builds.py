"""POST /apps/{app}/builds: of what was uploaded, a commit that was pushed, an image, or what was built before."""

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
from paas.auth import NotAdmin
from paas.errors import Invalid, Unavailable
from paas.model.app import App
from paas.model.build import Build, BuildState, Purpose, Source
from paas.model.image_reference import ImageReference
from paas.model.person import Person
from paas.model.source_url import SourceUrl
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
            "A build is of one thing: name a source_blob, a commit or an image. Nothing was changed."
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
    checksum: Annotated[str, Field(pattern="^(SHA256:)?[0-9a-fA-F]{64}$")] | None = None
    """SHA-256 of the tar, as it comes."""


class BuildIn(BaseModel):
    purpose: Purpose = Purpose.RELEASE
    """Ours."""
    source_blob: SourceBlobIn | None = None
    commit: Annotated[str, Field(max_length=200)] | None = None
    """Ours: a commit, a branch or a tag that was pushed."""
    image: Annotated[str, Field(max_length=1000)] | None = None
    """Ours: what the engine has, or can fetch. For admins: what is on an engine could be anybody's."""


@router.post("/apps/{app}/builds", status_code=201)
async def begin_build(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, given: BuildIn
) -> BuildOut:
    """Its release is deployed when it is built; follow `output_stream_url`."""
    named = [given.source_blob, given.commit, given.image]
    if sum(each is not None for each in named) != 1:
        raise NotOneThing
    if given.commit is not None:
        build_id = await build_stored(app, person, given.commit, platform.settings)
        return await run_in_threadpool(_show, build_id, app, person, platform)
    return await run_in_threadpool(_begin, given, app, person, platform)


def _begin(given: BuildIn, app: App, person: Person, platform: Platform) -> BuildOut:
    if given.source_blob is not None:
        source = _source(given.source_blob, app, person, platform)
    else:
        source = _image_source(ImageReference(given.image or ""), person, platform)
    commit = (given.source_blob and given.source_blob.version) or ""
    build = Build(
        id=str(uuid.uuid4()),
        app_id=app.id,
        state=BuildState.QUEUED,
        source=source.id,
        commit=commit,
        person=person.name,
        created_at=time.time(),
        purpose=given.purpose,
    )
    platform.builds.add(build)
    if not platform.wire.build(build.id, platform.settings.build_seconds):
        trouble = platform.wire.trouble() or SILENT
        platform.builds.end(build.id, BuildState.FAILED, time.time(), trouble)
        raise QueueAway(trouble)
    return build_out(build, app, person, platform)


def _source(blob: SourceBlobIn, app: App, person: Person, platform: Platform) -> Source:
    """One's own, what the app was built of before, or to be fetched.

    Raises InvalidSourceUrl, NotASource, UnknownSource and SourceGone.
    """
    named = OURS.fullmatch(blob.url)
    if named is None:
        SourceUrl.parse(blob.url)
        url = platform.cipher.seal(blob.url)
        source = Source(str(uuid.uuid4()), person.name, time.time(), url, _checksum(blob))
        platform.builds.add_source(source)
        return source
    was_built = platform.builds.is_source_of(named[1], app.id)
    source = (
        platform.builds.source(named[1]) if was_built else source_of(named[1], person, platform)
    )
    is_here = platform.sources.has(source.id)
    if not is_here and source.image is None and source.url is None:
        raise SourceGone(app.name) if was_built else NotASource(blob.url)
    if blob.checksum is not None and is_here and not was_built:
        platform.builds.note_source(source.id, checksum=_checksum(blob))
    return source


def _checksum(blob: SourceBlobIn) -> str | None:
    return None if blob.checksum is None else blob.checksum.rpartition(":")[2].lower()


def _image_source(name: ImageReference, person: Person, platform: Platform) -> Source:
    """Raises NotAdmin."""
    if not person.is_admin:
        raise NotAdmin(person.name)
    source = Source(str(uuid.uuid4()), person.name, time.time(), image=name)
    platform.builds.add_source(source)
    return source


def _show(build_id: str, app: App, person: Person, platform: Platform) -> BuildOut:
    build = platform.builds.get(build_id)
    if build is None:
        raise UnknownBuild(app.name, build_id)
    return build_out(build, app, person, platform)
