"""Stopping and starting again: of people's own will, and after crashes."""

import time

from paas.model.container import STARTING
from paas.model.route import RouteMode
from paas.scheduler.live import OutlookState, outlook
from paas.scheduler.restart import restart, start, stop
from tests.unit.scheduler.stage import Stage


def test_a_restart_starts_the_new_before_the_old_leaves(stage: Stage) -> None:
    stage.deployed()
    old = stage.row("web.1").id

    change = restart(stage.now(), "web.1", "ana", stage.platform, time.time())
    stage.converges()
    assert [backend.container for backend in stage.route().backends] == [old]
    stage.comes_up()
    stage.converges()

    assert stage.served() == ["web.1"]
    assert stage.row("web.1").id != old
    assert stage.running() == ["web.1"]
    assert (
        outlook(stage.app.id, change.version, stage.platform, time.time()).state
        is OutlookState.LIVE
    )


def test_a_stopped_app_keeps_its_formation_and_runs_nothing(stage: Stage) -> None:
    stage.deployed()

    stop(stage.now(), "ana", stage.platform, time.time())
    stage.converges()

    assert stage.running() == []
    assert stage.route().mode is RouteMode.STOPPED
    assert stage.platform.formations.of(stage.app.id).lines["web"].quantity == 1
    start(stage.now(), "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()
    assert stage.served() == ["web.1"]


def test_three_exits_within_a_minute_are_a_crash_that_waits_before_the_next_try(
    stage: Stage,
) -> None:
    stage.deployed()
    row = stage.row("web.1")

    for _ in range(3):
        current = stage.platform.containers.get(row.id)
        assert current is not None
        stage.observer._exited(current, 9, time.time())
    stage.converges()

    crashed = stage.platform.containers.get(row.id)
    assert crashed is not None
    assert crashed.reason == "exited 3 times within a minute, last with status 9"
    assert stage.running() == []
    assert stage.served() == []
    assert stage.now().live_wake == stage.now().wake


def test_a_dyno_that_crashed_is_tried_again_by_a_restart_at_once(stage: Stage) -> None:
    stage.deployed()
    row = stage.row("web.1")
    for _ in range(3):
        current = stage.platform.containers.get(row.id)
        assert current is not None
        stage.observer._exited(current, 9, time.time())
    stage.converges()

    restart(stage.now(), None, "ana", stage.platform, time.time())
    stage.converges()

    assert [row.dyno.name for row in stage.rows(STARTING)] == ["web.1"]
