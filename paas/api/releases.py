"""/apps/{app}/releases: what was to run, newest first, and the way back."""

import re
import time
from typing import Annotated, Self

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel
from starlette.responses import StreamingResponse

from paas.api.asked import CurrentApp, CurrentNews, CurrentPerson, CurrentPlatform
from paas.api.passes import pass_for
from paas.api.release_output import follow_release
from paas.api.shapes import IdOut, NamedOut, PersonRefOut, moment, tell, uuid_of
from paas.model.app import App
from paas.model.build import Image
from paas.model.deploy import Deploy, DeployState
from paas.model.person import Person
from paas.model.process import RELEASE
from paas.model.release import Release, UnknownRelease
from paas.releases.release_kept import UnknownImage, release_kept
from paas.releases.rollback import roll_back
from paas.wiring import Platform

router = APIRouter(tags=["releases"])
LISTED = 1000
STATUS = {
    DeployState.PULLING: "pending",
    DeployState.RELEASING: "pending",
    DeployState.STARTING: "pending",
    DeployState.SWITCHING: "pending",
    DeployState.SUCCEEDED: "succeeded",
    DeployState.FAILED: "failed",
    DeployState.SUPERSEDED: "expired",
}
"""Heroku's word for how a deploy went."""


class RollbackIn(BaseModel):
    release: int | str | None = None
    """Number, `v3`, or id; without it: the one that was live before."""
    slug: str | None = None
    """A build's: released with the config as it is now."""


class ReleaseOut(BaseModel):
    app: NamedOut
    id: str
    version: int
    description: str
    status: str
    current: bool
    user: PersonRefOut
    slug: IdOut | None
    """The image."""
    commit: str
    """Ours, as the next two."""
    deploy: str | None
    reason: str | None
    created_at: str
    updated_at: str
    eligible_for_rollback: bool
    addon_plan_names: list[str] = []
    artifacts: list[IdOut] = []
    output_stream_url: str | None = None
    """Of its release process, if it has one."""

    @classmethod
    def of(
        cls, release: Release, deploy: Deploy | None, app: App, person: Person, platform: Platform
    ) -> Self:
        output = f"/apps/{app.id}/releases/{release.number}/output"
        has_output = RELEASE in release.processes
        ended_at = None if deploy is None else deploy.ended_at
        went_live = deploy is None or deploy.state is DeployState.SUCCEEDED
        return cls(
            app=NamedOut.of_app(app),
            id=uuid_of("release", app.id, release.number),
            version=release.number,
            description=release.description,
            status="succeeded" if deploy is None else STATUS[deploy.state],
            current=release.number == app.current_release,
            user=PersonRefOut.of(release.created_by, platform.settings),
            slug=None if release.image is None else IdOut(id=uuid_of("image", release.image)),
            commit=release.commit,
            deploy=None if deploy is None else str(deploy.state),
            reason=None if deploy is None else deploy.reason,
            created_at=moment(release.created_at),
            updated_at=moment(ended_at or release.created_at),
            eligible_for_rollback=went_live and release.number != app.current_release,
            output_stream_url=pass_for("GET", output, person, platform) if has_output else None,
        )


@router.get("/apps/{app}/releases")
def list_releases(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    asked_range: Annotated[str, Header(alias="Range")] = "",
) -> list[ReleaseOut]:
    """At most 1000. `Range: version ..; order=asc, max=10` turns and shortens the list."""
    releases = list(platform.releases.all(app.id))
    if re.search(r"order=asc\b", asked_range):
        releases.reverse()
    shortened = re.search(r"max=([0-9]{1,4})\b", asked_range)
    most = min(int(shortened[1]), LISTED) if shortened else LISTED
    deploys: dict[int, Deploy] = {}
    for deploy in platform.deploys.all(app.id):
        deploys.setdefault(deploy.release, deploy)
    return [
        ReleaseOut.of(release, deploys.get(release.number), app, person, platform)
        for release in releases[:most]
    ]


@router.get("/apps/{app}/releases/{release}")
def show_release(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, release: str
) -> ReleaseOut:
    found = platform.releases.get(app.id, number_of(release, app, platform))
    deploy = platform.deploys.of(app.id, found.number)
    return ReleaseOut.of(found, deploy, app, person, platform)


@router.get("/apps/{app}/releases/{release}/output")
def follow_release_output(
    app: CurrentApp,
    platform: CurrentPlatform,
    news: CurrentNews,
    release: str,
    offset: Annotated[int, Query(ge=0, lt=2**40)] = 0,
) -> StreamingResponse:
    """What its release process prints, live, to the end; from byte `offset` on."""
    return StreamingResponse(
        follow_release(app, number_of(release, app, platform), offset, platform, news),
        media_type="text/plain",
        headers={"X-Content-Type-Options": "nosniff"},
    )


@router.post("/apps/{app}/releases", status_code=201)
def roll_app_back(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    given: RollbackIn,
    response: Response,
) -> ReleaseOut:
    """A new release of the image, process types and config of an old one; or of a slug."""
    number, now = None, time.time()
    if given.slug is not None:
        image = image_of(given.slug, app, platform)
        change = release_kept(app, image, person.name, platform, now)
    else:
        if given.release is not None:
            number = number_of(str(given.release), app, platform)
        change = roll_back(app, number, person.name, platform, now)
    tell(change, response, stopped=app.stopped)
    assert change.release is not None
    made = change.release
    deploy = platform.deploys.of(app.id, made.number)
    return ReleaseOut.of(made, deploy, platform.apps.get(app.id), person, platform)


def image_of(slug: str, app: App, platform: Platform) -> Image:
    """Raises UnknownImage."""
    for image in platform.builds.images(app.id):
        if uuid_of("image", image.id) == slug:
            return image
    raise UnknownImage(app.name)


def number_of(text: str, app: App, platform: Platform) -> int:
    """`3`, `v3` or the id of a release. Raises UnknownRelease."""
    found = re.fullmatch(r"v?([0-9]{1,9})", text)
    number = int(found[1]) if found else None
    for release in platform.releases.all(app.id):
        if release.number == number or uuid_of("release", app.id, release.number) == text:
            return release.number
    raise UnknownRelease(app.name, text[:60] if number is None else number)
