"""POST /apps/{app}/builds: of what was uploaded, a commit that was pushed, an image, or what was built before."""

import re
import time
import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.builds import BuildOut, build_out
from paas.api.sources import NotASource, source_of
from paas.api.stored import build_stored
from paas.auth import NotAdmin
from paas.errors import Invalid, Unavailable, Unknown
from paas.model.app import App
from paas.model.build import Build, BuildState, Purpose, Source
from paas.model.image_reference import ImageReference
from paas.model.person import Person
from paas.model.source_url import SourceUrl
from paas.store.builds import UnknownBuild, UnknownSource
from paas.wiring import Platform

router = APIRouter(tags=["builds"])
OURS = re.compile(r"(?:https?://[^/]*)?/sources/([0-9a-f-]{36})")


COMMIT = re.compile(r"[0-9a-f]{40}")


class Pushed(str):
    """A commit, a branch or a tag that was pushed."""

    __slots__ = ()


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

    def of(self) -> SourceBlobIn | Pushed | ImageReference:
        """Raises NotOneThing and InvalidImageReference."""
        match self.source_blob, self.commit, self.image:
            case SourceBlobIn() as blob, None, None:
                return blob
            case None, str(ref), None:
                return Pushed(ref)
            case None, None, str(name):
                return ImageReference(name)
        raise NotOneThing


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """By whom, for which app, and what for."""

    app: App
    person: Person
    purpose: Purpose
    platform: Platform


@router.post("/apps/{app}/builds", status_code=201)
async def begin_build(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, given: BuildIn
) -> BuildOut:
    """Its release is deployed when it is built; follow `output_stream_url`."""
    asked = BuildRequest(app, person, given.purpose, platform)
    match given.of():
        case Pushed() as ref:
            return await _begin_stored(ref, asked)
        case ImageReference() as name:
            return await run_in_threadpool(_begin_image, name, asked)
        case SourceBlobIn() as blob:
            try:
                return await run_in_threadpool(_begin_source, blob, asked)
            except SourceGone:
                return await _begin_again(blob, asked)


async def _begin_stored(ref: str, asked: BuildRequest) -> BuildOut:
    app, person, platform = asked.app, asked.person, asked.platform
    build_id = await build_stored(app, person, ref, asked.purpose, platform.settings)
    return await run_in_threadpool(_show, build_id, app, person, platform)


async def _begin_again(blob: SourceBlobIn, asked: BuildRequest) -> BuildOut:
    """What was sent is gone; the repository may have the commit. Raises SourceGone."""
    if not COMMIT.fullmatch(blob.version or ""):
        raise SourceGone(asked.app.name)
    try:
        return await _begin_stored(blob.version or "", asked)
    except Unknown:
        raise SourceGone(asked.app.name) from None


def _begin_image(name: ImageReference, asked: BuildRequest) -> BuildOut:
    """Raises NotAdmin."""
    if not asked.person.is_admin:
        raise NotAdmin(asked.person.name)
    source = Source(str(uuid.uuid4()), asked.person.name, time.time(), image=name)
    asked.platform.builds.add_source(source)
    build = _build(source, "", asked)
    asked.platform.builds.add(build)
    return _queued(build, asked)


def _begin_source(blob: SourceBlobIn, asked: BuildRequest) -> BuildOut:
    platform = asked.platform
    with platform.record.write():  # a source that nothing needs is removed at any time
        source = _source(blob, asked.app, asked.person, platform)
        build = _build(source, blob.version or "", asked)
        platform.builds.add(build)
    return _queued(build, asked)


def _build(source: Source, commit: str, asked: BuildRequest) -> Build:
    return Build(
        id=str(uuid.uuid4()),
        app_id=asked.app.id,
        state=BuildState.QUEUED,
        source=source.id,
        commit=commit,
        person=asked.person.name,
        created_at=time.time(),
        purpose=asked.purpose,
    )


def _queued(build: Build, asked: BuildRequest) -> BuildOut:
    """Raises QueueAway."""
    platform = asked.platform
    if not platform.wire.build(build.id, platform.settings.build_seconds):
        trouble = platform.wire.why_not()
        platform.builds.end(build.id, BuildState.FAILED, time.time(), trouble)
        raise QueueAway(trouble)
    return build_out(build, asked.app, asked.person, platform)


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
        _built_before(named[1], app, platform)
        if was_built
        else source_of(named[1], person, platform)
    )
    is_here = platform.sources.has(source.id)
    if not is_here and source.image is None and source.url is None:
        raise SourceGone(app.name) if was_built else NotASource(blob.url)
    if blob.checksum is not None and is_here and not was_built:
        platform.builds.note_source(source.id, checksum=_checksum(blob))
    return source


def _built_before(source_id: str, app: App, platform: Platform) -> Source:
    try:
        return platform.builds.source(source_id)
    except UnknownSource:
        raise SourceGone(app.name) from None


def _checksum(blob: SourceBlobIn) -> str | None:
    return None if blob.checksum is None else blob.checksum.rpartition(":")[2].lower()


def _show(build_id: str, app: App, person: Person, platform: Platform) -> BuildOut:
    build = platform.builds.get(build_id)
    if build is None:
        raise UnknownBuild(app.name, build_id)
    return build_out(build, app, person, platform)
