"""A worker is killed, or sleeps for longer than its lease, at any point of a deploy: whoever is next ends it well."""

import signal
import time
from contextlib import suppress
from itertools import count
from uuid import uuid4

import pytest

from paas.apps.destroy import destroy
from paas.engine.engine import Event, EventKind, HostUnreachable
from paas.model.app import AppName, UnknownApp
from paas.model.container import STARTING, UP, Container, Kind, container_name
from paas.model.deploy import DeployState
from paas.scheduler.converge import converge, step
from paas.scheduler.observe import Observer
from paas.scheduler.scale import scale
from paas.store.leases import LEASE_SECONDS
from tests.unit.scheduler.mortal import KILL, NAME, STOP, MortalWorker, Points
from tests.unit.scheduler.stage import Stage

pytestmark = pytest.mark.alone  # it forks workers, stops and kills them
TWELVE, THREE = 12, 3
"""Of the 80 points or so that there are. The soak takes them all."""
RIGHT_AFTER_THE_LEASE = 2
ROUNDS = 12
NEVER = 1_000_000


def deploys(
    stage: Stage, chosen: int, sent: signal.Signals, *, is_good: bool = True, **processes: str
) -> bool:
    """An app with one dyno goes on to another release and to three, by workers of which one gets the signal.

    Nobody helps: a worker of the same name begins again, as its supervisor has it, or the lease runs out. Ends when
    the app is wholly on the new release, or wholly on the old one. False: there is no such point.
    """
    points = Points(chosen, sent)
    stage.deployed()
    stage.releases(**processes)
    scale(stage.now(), {"web": 3}, "ana", stage.platform, time.time())
    for _ in range(ROUNDS):
        points = works(stage, points)
        serves_one_release(stage)
        stage.acknowledges()
        brings_what_ended(stage)
        ends_release_processes(stage)
        for row in stage.rows(STARTING):
            if is_good or row.dyno.release == 1:
                stage.comes_up(row.dyno.name)
            else:
                exits(row, stage)
                break
        if is_whole(stage, 2 if is_good else 1):
            return points.chosen == NEVER
    raise AssertionError(f"not whole after {ROUNDS} rounds: {stage.looks()}")


def works(stage: Stage, points: Points) -> Points:
    """What is left of the points when this worker and, if it came to that, its successor have ended."""
    settings, app_id = stage.platform.settings, stage.app.id
    worker = MortalWorker.begins(settings, stage.engine, app_id, points)
    try:
        if worker.goes_on():
            another_takes_over(stage)
            worker.wakes_up()
            assert not worker.goes_on()
            return Points(NEVER, points.signal)
    finally:
        worker.ends()
    if worker.passed is not None:
        return Points(points.chosen, points.signal, worker.passed)
    for ended in stage.platform.leases.end_predecessor(NAME):
        stage.platform.apps.touch(ended)
    with suppress(HostUnreachable):
        converge(app_id, NAME, stage.platform)
    return Points(NEVER, points.signal)


def another_takes_over(stage: Stage) -> None:
    """When the lease has run out. Its own step is done, and the lease given back."""
    later = time.time() + LEASE_SECONDS + 10
    lease = stage.platform.leases.take(stage.app.id, "another", later)
    if lease is not None:
        step(lease, stage.platform)
        stage.platform.leases.drop(lease)


def exits(row: Container, stage: Stage, code: int = 1) -> None:
    name = container_name(stage.platform.settings.platform, row.id)
    stage.engine.crash(row.host, name, code)
    Observer(stage.platform.hosts.get(row.host), stage.platform).note(
        Event(EventKind.EXITED, name, time.time(), code)
    )


def ends_release_processes(stage: Stage) -> None:
    """Well. The worker may have died before it wrote down that it had started one."""
    for row in stage.rows():
        if row.kind is Kind.RELEASE and row.exit_code is None and starts_of(row, stage):
            exits(row, stage, 0)
            stage.platform.containers.note(row.id, is_logged=True)
            stage.platform.apps.touch(stage.app.id)


def starts_of(row: Container, stage: Stage) -> int:
    name = container_name(stage.platform.settings.platform, row.id)
    machines = stage.engine.world.machines.values()
    told = [event for machine in machines for _, event in machine.events]
    return sum((event.kind, event.name) == (EventKind.STARTED, name) for event in told)


def brings_what_ended(stage: Stage) -> None:
    """The engine's events, and the logs to their end."""
    for row in stage.rows():
        if row.state.value in ("stopping", "crashed") and not row.is_logged:
            stage.platform.containers.note(row.id, is_logged=True)
    stage.sweeps()


def serves_one_release(stage: Stage) -> None:
    """At least one dyno, as before."""
    containers = {backend.container for backend in stage.route().backends}
    releases = {row.dyno.release for row in stage.rows() if row.id in containers}
    assert len(releases) == 1, stage.route()


def is_whole(stage: Stage, release: int) -> bool:
    """Three containers of that release, on the engines, in the record and in the table, and nothing else."""
    deploy, app = stage.platform.deploys.of(stage.app.id, 2), stage.now()
    assert deploy is not None
    up = {row.id for row in stage.rows(UP) if row.dyno.release == release}
    there = {
        seen.labels["paas.container"]
        for host in stage.hosts
        for seen in stage.engine.list(host)
        if seen.labels["paas.app"] == stage.app.id
    }
    return (
        deploy.state is (DeployState.SUCCEEDED if release == 2 else DeployState.FAILED)
        and app.current_release == app.wanted_release == release
        and len(up) == 3
        and up == there == {row.id for row in stage.rows()}
        and up == {backend.container for backend in stage.route().backends}
    )


def leaves(stage: Stage) -> None:
    destroy(stage.now(), "ana", stage.platform, time.time())
    with suppress(UnknownApp):
        stage.converges()
    assert not any(stage.engine.list(host) for host in stage.hosts)


@pytest.mark.parametrize("number", range(TWELVE))
def test_a_worker_killed_at_any_of_twelve_points_leaves_the_app_wholly_new(
    wide_stage: Stage, number: int
) -> None:
    assert deploys(wide_stage, 1 + number * 6, KILL)
    assert wide_stage.platform.leases.refused() == 0


@pytest.mark.parametrize("number", range(THREE))
def test_a_release_process_is_started_once_wherever_a_worker_is_killed(
    wide_stage: Stage, number: int
) -> None:
    assert deploys(wide_stage, 6 + number * 4, KILL, web="serve", release="migrate")

    ever = wide_stage.platform.containers.of(wide_stage.app.id, gone=True)
    (row,) = [row for row in ever if row.kind is Kind.RELEASE]
    assert starts_of(row, wide_stage) == 1


@pytest.mark.parametrize("number", range(THREE))
def test_or_wholly_old_where_the_new_release_crashes(wide_stage: Stage, number: int) -> None:
    assert deploys(wide_stage, 1 + number * 28, KILL, is_good=False)
    assert wide_stage.platform.leases.refused() == 0


@pytest.mark.parametrize("number", range(THREE))
def test_a_worker_that_sleeps_while_another_takes_over_spoils_nothing(
    wide_stage: Stage, number: int
) -> None:
    assert deploys(wide_stage, 1 + number * 16, STOP)


def test_what_a_sleeper_would_have_written_is_refused_and_counted(wide_stage: Stage) -> None:
    assert deploys(wide_stage, RIGHT_AFTER_THE_LEASE, STOP)

    assert wide_stage.platform.leases.refused() > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("is_good", [True, False])
@pytest.mark.parametrize("sent", [KILL, STOP])
def test_so_it_is_at_every_point_there_is(
    wide_stage: Stage, sent: signal.Signals, is_good: bool
) -> None:
    broken = {}
    for number in count(1):
        name = AppName(f"at-{number}")
        wide_stage.app = wide_stage.platform.apps.add(str(uuid4()), name, "ana", time.time())
        try:
            if not deploys(wide_stage, number, sent, is_good=is_good):
                break
        except AssertionError as error:
            broken[number] = str(error)
        leaves(wide_stage)
    assert not broken
    assert number > TWELVE
