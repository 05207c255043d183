"""/apps/{app}/builds: attempts to turn a source into an image, and what became of them."""

import time
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from paas.api.asked import CurrentApp, CurrentNews, CurrentPerson, CurrentPlatform
from paas.api.fate import Outcome, builds_before, current_image, fate_beside
from paas.api.output import CurrentNarrator, follow
from paas.api.passes import pass_for
from paas.api.shapes import GENERATION, STACK, IdOut, PersonRefOut, moment, uuid_of
from paas.errors import Conflict
from paas.model.app import App
from paas.model.build import Build, BuildState, Purpose, UsedBuildpack
from paas.model.person import Person
from paas.store.builds import UnknownBuild
from paas.wiring import Platform

router = APIRouter(tags=["builds"])
LISTED = 100
STATUS = {Outcome.LIVE: "succeeded", Outcome.BUILT: "succeeded", Outcome.PENDING: "pending"}


class BuildOver(Conflict):
    def __init__(self, build: Build) -> None:
        super().__init__(f"The build {build.id[:8]} is over ({build.state}). Nothing to cancel.")


class SourceBlobOut(BaseModel):
    url: str
    version: str | None
    checksum: None = None
    version_description: None = None


class UsedBuildpackOut(BaseModel):
    url: str
    name: str
    version: str | None
    """Ours: the commit, or the digest of a tarball."""

    @classmethod
    def of(cls, used: UsedBuildpack) -> Self:
        return cls(url=used.name, name=used.name, version=used.version)


class BuildOut(BaseModel):
    app: IdOut
    id: str
    status: str
    """`succeeded` when its release is live."""
    outcome: str
    """Ours: pending, live, built (and nothing was to be released), failed, cancelled or superseded."""
    purpose: Purpose
    """Ours: release, no-release or dry-run."""
    before: int | None
    """Ours: how many builds come before it, as long as it is queued."""
    current: bool
    """Ours: what serves now is the image that it made."""
    serving: bool
    """Ours: the app runs some release, whichever."""
    reason: str | None
    user: PersonRefOut
    source_blob: SourceBlobOut
    output_stream_url: str
    release: IdOut | None
    slug: IdOut | None
    created_at: str
    updated_at: str
    stack: str = STACK
    generation: str = GENERATION
    buildpacks: list[UsedBuildpackOut] | None

    @classmethod
    def of(
        cls, build: Build, current: str | None, app: App, person: Person, platform: Platform
    ) -> Self:
        """`current` is the app's current image."""
        fate = fate_beside(build, app, current, platform)
        output = f"/apps/{app.id}/builds/{build.id}/output"
        number, image = fate.release, build.image
        return cls(
            app=IdOut(id=app.id),
            id=build.id,
            status=STATUS.get(fate.outcome, "failed"),
            outcome=fate.outcome,
            purpose=build.purpose,
            before=builds_before(build, platform) if build.state is BuildState.QUEUED else None,
            current=fate.is_current,
            serving=current is not None and not app.stopped,
            reason=fate.reason,
            user=PersonRefOut.of(build.person, platform.settings),
            source_blob=SourceBlobOut(url=f"/sources/{build.source}", version=build.commit or None),
            output_stream_url=pass_for("GET", output, person, platform),
            release=None if number is None else IdOut(id=uuid_of("release", app.id, number)),
            slug=None if image is None else IdOut(id=uuid_of("image", image)),
            buildpacks=[UsedBuildpackOut.of(used) for used in build.buildpacks] or None,
            created_at=moment(build.created_at),
            updated_at=moment(build.ended_at or build.started_at or build.created_at),
        )


@router.get("/apps/{app}/builds")
def list_builds(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    commit: Annotated[str | None, Query()] = None,
) -> list[BuildOut]:
    """The newest first; of one commit, if it is named."""
    current = current_image(app, platform)
    return [
        BuildOut.of(build, current, app, person, platform)
        for build in platform.builds.of(app.id, LISTED)
        if commit is None or build.commit == commit
    ]


@router.get("/apps/{app}/builds/{build}")
def show_build(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, build: str
) -> BuildOut:
    return build_out(_named(build, app, platform), app, person, platform)


@router.delete("/apps/{app}/builds/{build}")
def cancel_build(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, build: str
) -> BuildOut:
    """Whoever builds it stops within seconds. What serves now serves on."""
    found = _named(build, app, platform)
    reason = f"cancelled by {person.name}"
    if not platform.builds.end(found.id, BuildState.CANCELLED, time.time(), reason):
        raise BuildOver(_named(build, app, platform))
    platform.wire.announce(app.id)
    return build_out(_named(build, app, platform), app, person, platform)


@router.get("/apps/{app}/builds/{build}/output")
def follow_output(
    app: CurrentApp,
    platform: CurrentPlatform,
    news: CurrentNews,
    narrator: CurrentNarrator,
    build: str,
    offset: Annotated[int, Query(ge=0, lt=2**40)] = 0,
) -> StreamingResponse:
    """The build's output and what became of its release, live, to the end; from byte `offset` on."""
    found = _named(build, app, platform)
    return StreamingResponse(
        follow(found.id, app, offset, platform, news, narrator),
        media_type="text/plain",
        headers={"X-Content-Type-Options": "nosniff"},
    )


def build_out(build: Build, app: App, person: Person, platform: Platform) -> BuildOut:
    return BuildOut.of(build, current_image(app, platform), app, person, platform)


def _named(text: str, app: App, platform: Platform) -> Build:
    """Raises UnknownBuild, also for another app's."""
    build = platform.builds.get(text)
    if build is None or build.app_id != app.id:
        raise UnknownBuild(app.name, text)
    return build
