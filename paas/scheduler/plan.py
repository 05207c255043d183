"""What to start and what may retire. Pure: values in, values out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from paas.model.container import FILLS, UP, Container
from paas.model.formation import Dyno

BACKOFF_SECONDS = (10.0, 60.0, 300.0, 1200.0)
"""How long a crashed dyno waits before it is started again: the first time, the second, …"""
CRASH_MEMORY_SECONDS = 3600.0
"""Crashes longer ago than this do not lengthen the wait."""
LOOP_EXITS = 3
LOOP_SECONDS = 60.0
"""That many exits within that time are a crash; below it the engine restarts by itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    start: tuple[Dyno, ...]
    """Empty places whose wait, if any, is over."""
    retire: tuple[Container, ...]
    waiting: Mapping[Dyno, float]
    """Crashed places, and when each is tried again."""
    is_up: bool
    """Every wanted place is filled by a container that is up."""


def plan_changes(
    wanted: Collection[Dyno],
    rows: Sequence[Container],
    crashes: Sequence[Container],
    now: float,
    *,
    keep_release: int | None,
    leaving: Collection[Container] = (),
) -> Plan:
    """Touches nothing. The same input after the plan was carried out gives an empty plan.

    A Dyno carries release, number and restart count: a deploy, a scale and a restart are one comparison. Only a
    container that is placed, starting or up fills its dyno. `crashes` are rows that crashed, of any state by now.
    `keep_release` is the current release while a deploy is under way: its containers serve until that has ended, but
    for those beyond the number that is wanted by now. What is `leaving` serves until its dyno is up in another.
    """
    places = frozenset(wanted)
    going = {row.id for row in leaving}
    live = [row for row in rows if row.state in FILLS]
    staying = (row for row in live if row.id not in going)
    filled = {row.dyno: row for row in sorted(staying, key=lambda row: row.state is UP)}
    waiting = {dyno: at for dyno, at in retries(crashes).items() if at > now and dyno in places}
    missing = tuple(sorted(places - filled.keys() - waiting.keys()))
    up = {dyno for dyno in places if dyno in filled and filled[dyno].state is UP}
    most = {dyno.process: dyno.number for dyno in sorted(places)}
    not_up = places - up
    replaced = {(dyno.process, dyno.number) for dyno in not_up}
    moving = {row.dyno: row for row in live if row.id in going and row.dyno in not_up}
    numbers = {(dyno.release, dyno.process, dyno.number) for dyno in places}
    surplus = (
        row
        for row in live
        if row.dyno not in places or row not in (filled.get(row.dyno), moving.get(row.dyno))
    )
    retire = tuple(
        row
        for row in surplus
        if (
            row.dyno.release != keep_release
            or row.dyno.number > most.get(row.dyno.process, row.dyno.number)
        )
        and not (_is_restarted(row, numbers) and (row.dyno.process, row.dyno.number) in replaced)
    )
    serving = up | {dyno for dyno, row in moving.items() if row.state is UP}
    return Plan(missing, retire, waiting, serving == places)


def _is_restarted(row: Container, wanted: Collection[tuple[int, str, int]]) -> bool:
    """Its place is still wanted, one restart later: it serves until that one is up."""
    dyno = row.dyno
    return row.state is UP and (dyno.release, dyno.process, dyno.number) in wanted


def is_looping(row: Container) -> bool:
    """It exited too often in too short a time."""
    recent = [at for at in row.exits if at > row.exits[-1] - LOOP_SECONDS] if row.exits else []
    return len(recent) >= LOOP_EXITS


def retries(crashes: Iterable[Container]) -> Mapping[Dyno, float]:
    """When each crashed place may be tried again."""
    times: dict[Dyno, list[float]] = {}
    for row in crashes:
        if row.crashed_at is not None:
            times.setdefault(row.dyno, []).append(row.crashed_at)
    retries = {}
    for dyno, moments in times.items():
        moments.sort()
        count = sum(at > moments[-1] - CRASH_MEMORY_SECONDS for at in moments)
        retries[dyno] = moments[-1] + BACKOFF_SECONDS[min(count, len(BACKOFF_SECONDS)) - 1]
    return retries
