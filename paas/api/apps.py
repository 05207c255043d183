"""/apps: what is pushed to."""

import os
import pwd
import time
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.shapes import GENERATION, REGION, STACK, NamedOut, PersonRefOut, moment, tell
from paas.apps.create import create
from paas.apps.destroy import destroy
from paas.errors import Invalid
from paas.model.app import App, AppName
from paas.settings import Settings

router = APIRouter(tags=["apps"])
WEB_PORT = 80
"""The one that a URL need not name."""


class NotChangeable(Invalid):
    def __init__(self, what: str) -> None:
        super().__init__(f"An app's {what} cannot be changed here. Nothing was changed.")


class AppIn(BaseModel):
    name: str | None = None


class AppChangesIn(BaseModel):
    name: str | None = None
    maintenance: bool | None = None
    build_stack: str | None = None


class AppOut(BaseModel):
    id: str
    name: str
    owner: PersonRefOut
    git_url: str
    web_url: str
    created_at: str
    updated_at: str
    released_at: str | None
    region: NamedOut
    stack: NamedOut
    build_stack: NamedOut
    generation: NamedOut
    stopped: bool
    """Ours, as the next."""
    blocked: str | None
    acm: bool = False
    archived_at: None = None
    buildpack_provided_description: None = None
    internal_routing: None = None
    maintenance: bool = False
    organization: None = None
    repo_size: None = None
    slug_size: None = None
    space: None = None
    team: None = None

    @classmethod
    def of(cls, app: App, settings: Settings) -> Self:
        return cls(
            id=app.id,
            name=app.name,
            owner=PersonRefOut.of(app.owner, settings),
            git_url=git_url(app, settings),
            web_url=web_url(app, settings),
            created_at=moment(app.created_at),
            updated_at=moment(app.updated_at),
            released_at=None if app.current_release is None else moment(app.updated_at),
            region=NamedOut.of("region", REGION),
            stack=NamedOut.of("stack", STACK),
            build_stack=NamedOut.of("stack", STACK),
            generation=NamedOut.of("generation", GENERATION),
            stopped=app.stopped,
            blocked=app.blocked,
        )


def web_url(app: App, settings: Settings) -> str:
    port = "" if settings.http_port == WEB_PORT else f":{settings.http_port}"
    return f"http://{app.name}.{settings.apps_domain}{port}/"


def git_url(app: App, settings: Settings) -> str:
    """By the one user that the door's sshd lets in."""
    user = settings.git_user or pwd.getpwuid(os.geteuid()).pw_name
    return f"ssh://{user}@{settings.ssh_host}:{settings.ssh_port}/{app.name}"


@router.get("/apps")
def list_apps(person: CurrentPerson, platform: CurrentPlatform) -> list[AppOut]:
    """One's own; an admin sees everybody's."""
    apps = [app for app in platform.apps.all() if person.is_admin or app.owner == person.name]
    return [AppOut.of(app, platform.settings) for app in apps]


@router.get("/users/~/apps")
def list_own_apps(person: CurrentPerson, platform: CurrentPlatform) -> list[AppOut]:
    apps = [app for app in platform.apps.all() if app.owner == person.name]
    return [AppOut.of(app, platform.settings) for app in apps]


@router.post("/apps", status_code=201)
def create_app(
    person: CurrentPerson, platform: CurrentPlatform, given: AppIn | None = None
) -> AppOut:
    """Without a name, one is made up."""
    name = None if given is None or given.name is None else AppName.of_new(given.name)
    return AppOut.of(create(name, person, platform, time.time()), platform.settings)


@router.get("/apps/{app}")
def show_app(app: CurrentApp, platform: CurrentPlatform) -> AppOut:
    return AppOut.of(app, platform.settings)


@router.patch("/apps/{app}")
def change_app(app: CurrentApp, platform: CurrentPlatform, given: AppChangesIn) -> AppOut:
    """What is given must be what is: nothing of an app can be changed yet."""
    now = AppOut.of(app, platform.settings)
    for what, wanted, is_so in (
        ("name", given.name, now.name),
        ("maintenance mode", given.maintenance, now.maintenance),
        ("build stack", given.build_stack, now.build_stack.name),
    ):
        if wanted not in (None, is_so):
            raise NotChangeable(what)
    return now


@router.delete("/apps/{app}")
def destroy_app(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, response: Response
) -> AppOut:
    """Its name is free when this returns. What ran is stopped after that, also if the platform dies meanwhile.

    The version is to be asked for by the app's id: `/apps/ID/versions/N`. It is live when no router knows the app; not
    found says the same.
    """
    tell(destroy(app, person.name, platform, time.time()), response)
    return AppOut.of(app, platform.settings)
