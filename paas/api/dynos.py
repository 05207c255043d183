"""/apps/{app}/dynos: what is wanted and what fills it; one-offs; restarts."""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Self

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field

from paas.api.asked import CurrentApp, CurrentPerson, CurrentPlatform
from paas.api.attach import Begun, CurrentOneOffs
from paas.api.passes import pass_for
from paas.api.shapes import SIZE, NamedOut, check_size, moment, tell, uuid_of
from paas.errors import Invalid
from paas.model.app import App
from paas.model.container import CRASHED, FILLS, Container, Kind
from paas.model.formation import Dyno
from paas.model.host import Host
from paas.model.release import Release
from paas.scheduler.plan import retries
from paas.scheduler.restart import UnknownDyno, restart
from paas.scheduler.run import begin_run
from paas.wiring import Platform

router = APIRouter(tags=["dynos"])
PENDING = "pending"
"""Wanted, and nothing fills it yet."""
LINES_SHOWN = 5
HEROKU = "heroku-cli/"
"""How Heroku's command line names itself."""
ENV = {"TERM": 64, "COLUMNS": 5, "LINES": 5}
"""What a client may tell a one-off about its terminal, and how long a value may be."""


class InvalidEnv(Invalid):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name[:60]!r} cannot be set for one run like that. Nothing was run.")


class Rendezvous(Invalid):
    def __init__(self, app: str, command: str) -> None:
        super().__init__(
            "Heroku's command line attaches by a protocol that is not spoken here. Nothing was run. "
            f"Type: paas run -a {app} -- {command[:200]} (or: heroku run:detached)"
        )


class RunIn(BaseModel):
    command: Annotated[str, Field(min_length=1, max_length=65536)]
    attach: bool = False
    env: dict[str, str] = {}
    force_no_tty: bool | None = None
    type: str | None = None
    size: str | None = None


class ReleaseRefOut(BaseModel):
    id: str
    version: int

    @classmethod
    def of(cls, app: App, number: int) -> Self:
        return cls(id=uuid_of("release", app.id, number), version=number)


class DynoOut(BaseModel):
    app: NamedOut
    id: str
    name: str
    type: str
    state: str
    command: str
    release: ReleaseRefOut
    size: str = SIZE
    attach_url: str | None = None
    host: str | None = None
    """Ours, as what follows. All of it as it was last seen, at `seen_at`: when the host's engine last answered."""
    host_health: str | None = None
    address: str | None = None
    reason: str | None = None
    exit_code: int | None = None
    seen_at: str | None = None
    container: str | None = None
    last_lines: list[str] = []
    """Of what has crashed: what it printed last."""
    created_at: str
    updated_at: str

    @classmethod
    def of(
        cls,
        row: Container,
        app: App,
        command: str,
        attach_url: str | None = None,
        host: Host | None = None,
        last_lines: Sequence[str] = (),
    ) -> Self:
        seen_at = None if host is None else host.seen_at
        return cls(
            app=NamedOut.of_app(app),
            id=uuid_of("container", row.id),
            name=row.dyno.name,
            type=row.dyno.process,
            state=row.state,
            command=command,
            release=ReleaseRefOut.of(app, row.dyno.release),
            attach_url=attach_url,
            host=row.host,
            host_health=None if host is None else host.health,
            address=row.address,
            reason=row.reason,
            exit_code=row.exit_code,
            seen_at=None if seen_at is None else moment(seen_at),
            container=row.id,
            last_lines=list(last_lines),
            created_at=moment(row.placed_at),
            updated_at=moment(row.since),
        )

    @classmethod
    def of_place(cls, dyno: Dyno, app: App, command: str) -> Self:
        return cls(
            app=NamedOut.of_app(app),
            id=uuid_of("dyno", app.id, dyno.release, dyno.name, dyno.restarts),
            name=dyno.name,
            type=dyno.process,
            state=PENDING,
            command=command,
            release=ReleaseRefOut.of(app, dyno.release),
            reason=app.blocked,
            created_at=moment(app.updated_at),
            updated_at=moment(app.updated_at),
        )


@router.get("/apps/{app}/dynos")
def list_dynos(app: CurrentApp, platform: CurrentPlatform) -> list[DynoOut]:
    """Every container that is not gone, and every place that is wanted and empty."""
    return list(_listed(app, platform))


@router.get("/apps/{app}/dynos/{dyno}")
def show_dyno(app: CurrentApp, platform: CurrentPlatform, dyno: str) -> DynoOut:
    """By name or id."""
    return named(dyno, app, platform)


@router.post("/apps/{app}/dynos", status_code=201)
def run_command(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    one_offs: CurrentOneOffs,
    given: RunIn,
    user_agent: Annotated[str, Header()] = "",
) -> DynoOut:
    """A one-off. Attached, it starts when its `attach_url` is connected to; detached, it runs when this returns."""
    check_size(given.size)
    if given.attach:
        if user_agent.startswith(HEROKU):
            raise Rendezvous(app.name, given.command)
        one_offs.check_room()
    has_terminal = given.attach and not given.force_no_tty
    row, spec = begin_run(
        app,
        given.command,
        person.name,
        platform,
        time.time(),
        env=_environment(given.env),
        has_terminal=has_terminal,
        is_detached=not given.attach,
    )
    begun = Begun(row, spec)
    if not given.attach:
        one_offs.start(begun)
        return DynoOut.of(platform.containers.get(row.id) or row, app, given.command)
    one_offs.expect(begun)
    path = f"/apps/{app.id}/dynos/{row.id}/attach"
    url = pass_for("GET", path, person, platform)
    return DynoOut.of(row, app, given.command, url.replace("http://", "ws://", 1))


@router.delete("/apps/{app}/dynos", status_code=202)
def restart_app(
    app: CurrentApp, person: CurrentPerson, platform: CurrentPlatform, response: Response
) -> dict[str, str]:
    change = restart(app, None, person.name, platform, time.time())
    tell(change, response, stopped=app.stopped)
    return {}


@router.post("/apps/{app}/formations/{dyno}/actions/stop", status_code=202)
@router.delete("/apps/{app}/formations/{dyno}", status_code=202)
@router.post("/apps/{app}/dynos/{dyno}/actions/stop", status_code=202)
@router.delete("/apps/{app}/dynos/{dyno}", status_code=202)
def restart_dyno(
    app: CurrentApp,
    person: CurrentPerson,
    platform: CurrentPlatform,
    dyno: str,
    response: Response,
) -> dict[str, str]:
    """One dyno by name or id, or a process type. New ones are up before old ones stop. A one-off is ended."""
    name = dyno
    for each in _listed(app, platform):
        if dyno in (each.id, each.container):
            name = each.name
    for row in platform.containers.of(app.id):
        if row.kind is not Kind.DYNO and row.dyno.name == name:
            platform.containers.note(
                row.id, deadline=time.time()
            )  # whoever watches the clock ends it
            return {}
    if name.endswith("."):
        raise UnknownDyno(app.name, dyno)
    change = restart(app, name, person.name, platform, time.time())
    tell(change, response, stopped=app.stopped)
    return {}


def _listed(app: App, platform: Platform) -> Iterator[DynoOut]:
    rows = platform.containers.of(app.id)
    numbers = {row.dyno.release for row in rows}
    numbers |= set() if app.wanted_release is None else {app.wanted_release}
    releases = {number: platform.releases.get(app.id, number) for number in numbers}
    hosts = {host.name: host for host in platform.hosts.all()}
    for row in rows:
        lines = _last_lines(row, platform) if row.state is CRASHED else ()
        yield DynoOut.of(row, app, _command(row, releases), None, hosts.get(row.host), lines)
    taken = {row.dyno for row in rows if row.state in FILLS or row.crashed_at is not None}
    empty = [dyno for dyno in _wanted(app, releases, platform) if dyno not in taken]
    crashes = _crashes(app, platform) if empty else {}
    for dyno in empty:
        command = releases[dyno.release].processes[dyno.process]
        if dyno in crashes:
            lines = _last_lines(crashes[dyno], platform)
            yield DynoOut.of(crashes[dyno], app, command, last_lines=lines)
        else:
            yield DynoOut.of_place(dyno, app, command)


def _last_lines(row: Container, platform: Platform) -> Sequence[str]:
    lines, _ = platform.logs.tail(row.dyno.app_id, LINES_SHOWN, container=row.id)
    return [line.text for line in lines]


def _crashes(app: App, platform: Platform) -> Mapping[Dyno, Container]:
    """What crashed last in each place that is soon to be tried again, though its container is gone by now."""
    now = time.time()
    crashed = [row for row in platform.containers.of(app.id, gone=True) if row.crashed_at]
    retry_at = retries(crashed)
    return {
        row.dyno: replace(
            row,
            state=CRASHED,
            since=row.crashed_at or now,
            address=None,
            reason=f"{row.reason}; tried again in {retry_at[row.dyno] - now:.0f} s",
        )
        for row in sorted(crashed, key=lambda row: row.crashed_at or 0)
        if retry_at[row.dyno] > now
    }


def _wanted(app: App, releases: Mapping[int, Release], platform: Platform) -> Iterator[Dyno]:
    if app.wanted_release is None or app.stopped:
        return
    release = releases[app.wanted_release]
    if release.image is not None:
        yield from platform.formations.of(app.id).dynos(release.number, release.processes)


def _command(row: Container, releases: Mapping[int, Release]) -> str:
    return releases[row.dyno.release].processes.get(row.dyno.process, "")


def named(text: str, app: App, platform: Platform) -> DynoOut:
    """The last of this name: what comes, not what goes. Raises UnknownDyno."""
    found = [
        each for each in _listed(app, platform) if text in (each.name, each.id, each.container)
    ]
    if not found:
        raise UnknownDyno(app.name, text)
    return found[-1]


def _environment(given: Mapping[str, str]) -> Mapping[str, str]:
    """Raises InvalidEnv: config is set by config vars, and the platform's own names are its own."""
    for name, value in given.items():
        if name not in ENV or not re.fullmatch(rf"[\x21-\x7e]{{1,{ENV[name]}}}", value):
            raise InvalidEnv(name)
    return given
