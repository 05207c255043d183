"""A new app: a name, and nothing that runs."""

import secrets
import uuid

from paas.errors import Conflict
from paas.logs.store import say
from paas.model.app import App, AppName
from paas.model.person import Person
from paas.store.apps import AppNameTaken
from paas.wiring import Platform

_FIRST = (
    "amber",
    "brisk",
    "calm",
    "deep",
    "early",
    "fresh",
    "green",
    "high",
    "mild",
    "quiet",
    "still",
    "warm",
)
_SECOND = (
    "bay",
    "brook",
    "cliff",
    "dune",
    "field",
    "glen",
    "hill",
    "lake",
    "moor",
    "reef",
    "shore",
    "wood",
)


class AppIsYours(Conflict):
    def __init__(self, name: AppName) -> None:
        super().__init__(
            f"You have an app '{name}' already. To push to it from here: paas git:remote -a {name}"
        )


def create(name: AppName | None, person: Person, platform: Platform, now: float) -> App:
    """Without a name, one is made up. Raises AppNameTaken or AppIsYours."""
    app = _add(name, person, platform, now)
    say(platform.logs, app.id, "api", f"App {app.name} created by {person.name}", now)
    platform.wire.converge(app.id)
    return app


def _add(name: AppName | None, person: Person, platform: Platform, now: float) -> App:
    if name is not None:
        return _add_named(name, person, platform, now)
    while True:
        made_up = (
            f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.randbelow(90000) + 10000}"
        )
        try:
            return platform.apps.add(str(uuid.uuid4()), AppName(made_up), person.name, now)
        except AppNameTaken:
            continue


def _add_named(name: AppName, person: Person, platform: Platform, now: float) -> App:
    with platform.record.write():
        try:
            return platform.apps.add(str(uuid.uuid4()), name, person.name, now)
        except AppNameTaken:
            if platform.apps.named(name).owner == person.name:
                raise AppIsYours(name) from None
            raise
