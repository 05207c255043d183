"""One-offs: a command in a container of its own, with the current release's image and config."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from paas.errors import Conflict
from paas.logs.store import say
from paas.model.app import App
from paas.model.container import GONE, STARTING, UP, Container, ContainerSpec, Kind
from paas.model.formation import Dyno
from paas.scheduler.place import free_spot, place, unreserved
from paas.scheduler.spec import new_id, run_spec
from paas.wiring import Platform

RUN_SECONDS = 86400.0
"""The most a one-off may take (contract: one-off dynos)."""


class NothingToRun(Conflict):
    def __init__(self, app: str) -> None:
        super().__init__(
            f"{app} has no release to run a command in. Push first: git push paas main"
        )


def begin_run(
    app: App,
    command: str,
    person: str,
    platform: Platform,
    now: float,
    *,
    env: Mapping[str, str],
    has_terminal: bool,
    is_detached: bool,
) -> tuple[Container, ContainerSpec]:
    """The row, placed, and what to start for it. Raises NothingToRun, NoHostReady or InvalidConfig."""
    current = app.current_release
    release = None if current is None else platform.releases.get(app.id, current)
    image = (
        None if release is None or release.image is None else platform.builds.image(release.image)
    )
    if release is None or image is None:
        raise NothingToRun(app.name)
    settings, hosts = platform.settings, platform.hosts.all()
    with platform.record.write():
        live = platform.containers.live()
        number = platform.rng.randrange(1000, 10000)
        dyno = Dyno(app.id, release.number, "run", number)
        seed = platform.rng.getrandbits(32)
        rng = type(platform.rng)(seed)
        spot = place(
            dyno,
            [host for host in hosts if host.name in image.where],
            siblings=Counter(),
            unreserved_mb=unreserved(hosts, live, settings.memory_mb),
            memory_mb=settings.memory_mb,
            arch=image.arch,
            rng=rng,
        )
        host = platform.hosts.get(spot.host)
        row = Container(
            id=new_id(platform.rng),
            dyno=dyno,
            kind=Kind.RUN,
            host=spot.host,
            state=STARTING,
            since=now,
            placed_at=now,
            address=free_spot(host, None, platform.containers.leased(spot.host, now), rng).address,
            deadline=now + RUN_SECONDS,
            placement=spot.explain(seed),
            person=person,
            is_logged=not is_detached,
        )
        platform.containers.add([row])
    spec = run_spec(app, release, image, row, settings, command, env)
    say(
        platform.logs,
        app.id,
        row.dyno.name,
        f"Starting process with command `{command}` by {person}",
        now,
    )
    return row, replace(spec, has_terminal=has_terminal, takes_input=not is_detached)


def go_up(row: Container, platform: Platform, now: float) -> None:
    """It runs."""
    platform.containers.move(row.id, UP, now)


def end_run(row: Container, exit_code: int, platform: Platform, now: float) -> None:
    """It has exited, and nothing of it is left on its host."""
    platform.containers.move(row.id, GONE, now, exit_code=exit_code)
    say(
        platform.logs,
        row.dyno.app_id,
        row.dyno.name,
        f"Process exited with status {exit_code}",
        now,
    )
