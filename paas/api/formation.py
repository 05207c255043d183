"""/apps/{app}/formation: how many of each process type."""

import re
import time
from collections.abc import Iterable, Sequence
from typing import Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, StrictInt

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.shapes import SIZE, NamedOut, check_size, moment, tell, uuid_of
from paas.model.app import App
from paas.model.formation import InvalidQuantity, Line, Step
from paas.model.process import ONCE, UnknownProcessType
from paas.model.release import Release
from paas.scheduler.scale import scale
from paas.wiring import Platform

router = APIRouter(tags=["formation"])
NONE = Line(0)


class QuantityIn(BaseModel):
    quantity: StrictInt | str | None = None
    """A number, also as a text; the texts `+1` and `-1` are steps."""
    size: str | None = None


class UpdateIn(QuantityIn):
    type: str


class UpdatesIn(BaseModel):
    updates: list[UpdateIn] = Field(max_length=100)


class FormationOut(BaseModel):
    app: NamedOut
    id: str
    type: str
    quantity: int
    command: str
    size: str = SIZE
    dyno_size: NamedOut
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, app: App, process: str, line: Line, release: Release) -> Self:
        return cls(
            app=NamedOut.of_app(app),
            id=uuid_of("formation", app.id, process),
            type=process,
            quantity=line.quantity,
            command=release.processes[process],
            dyno_size=NamedOut.of("size", SIZE),
            created_at=moment(app.created_at),
            updated_at=moment(app.updated_at),
        )


@router.get("/apps/{app}/formation")
def list_formation(app: CurrentApp, platform: CurrentPlatform) -> list[FormationOut]:
    """By the process types of the wanted release."""
    return _listed(app, platform)


@router.get("/apps/{app}/formation/{process}")
def show_formation(app: CurrentApp, platform: CurrentPlatform, process: str) -> FormationOut:
    return _line(app, process, platform)


@router.patch("/apps/{app}/formation")
def scale_formation(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    given: UpdatesIn,
    response: Response,
) -> list[FormationOut]:
    """All or nothing. Recorded when it returns; live when the version it names is."""
    _scale(app, given.updates, person.name, platform, response)
    return _listed(app, platform)


@router.patch("/apps/{app}/formation/{process}")
def scale_process(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    process: str,
    given: QuantityIn,
    response: Response,
) -> FormationOut:
    update = UpdateIn(type=process, quantity=given.quantity, size=given.size)
    _scale(app, [update], person.name, platform, response)
    return _line(app, process, platform)


def _scale(
    app: App, updates: Sequence[UpdateIn], by: str, platform: Platform, response: Response
) -> None:
    for update in updates:
        check_size(update.size)
    quantities = {
        update.type: _quantity(update.type, update.quantity)
        for update in updates
        if update.quantity is not None
    }
    if quantities:
        change = scale(app, quantities, by, platform, time.time())
        tell(change, response, stopped=app.stopped)


def _quantity(process: str, given: int | str) -> int | Step:
    """Raises InvalidQuantity."""
    if isinstance(given, int):
        return given
    found = re.fullmatch(r"([+-]?)([0-9]{1,6})", given)
    if found is None:
        raise InvalidQuantity(process, given)
    sign, digits = found.groups()
    return Step(int(f"{sign}{digits}")) if sign else int(digits)


def _listed(app: App, platform: Platform) -> list[FormationOut]:
    release = _release(app, platform)
    if release is None:
        return []
    lines = platform.formations.of(app.id).lines
    return [
        FormationOut.of(app, process, lines.get(process, NONE), release)
        for process in _scalable(release.processes)
    ]


def _line(app: App, process: str, platform: Platform) -> FormationOut:
    """By its name or its id. Raises UnknownProcessType."""
    for line in _listed(app, platform):
        if process in (line.type, line.id):
            return line
    release = _release(app, platform)
    known = frozenset() if release is None else frozenset(_scalable(release.processes))
    raise UnknownProcessType(app.name, process, known)


def _release(app: App, platform: Platform) -> Release | None:
    if app.wanted_release is None:
        return None
    return platform.releases.get(app.id, app.wanted_release)


def _scalable(processes: Iterable[str]) -> list[str]:
    return sorted(process for process in processes if process not in ONCE)
