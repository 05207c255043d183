"""More and fewer dynos, and where they find room."""

import time

import pytest

from paas.model.container import STARTING, UP
from paas.model.formation import InvalidQuantity, Step
from paas.scheduler.converge import converge
from paas.scheduler.deadline import DEPLOY_SECONDS
from paas.scheduler.live import OutlookState, outlook
from paas.scheduler.scale import scale
from paas.wire import CONVERGE
from tests.unit.scheduler.stage import Stage


def test_scaling_up_and_down_changes_no_container_that_stays(stage: Stage) -> None:
    stage.deployed()
    first = stage.row("web.1").id

    scale(stage.now(), {"web": 3}, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()
    assert stage.served() == ["web.1", "web.2", "web.3"]
    change = scale(stage.now(), {"web": 1}, "ana", stage.platform, time.time())
    stage.converges()

    assert stage.served() == ["web.1"]
    assert stage.row("web.1").id == first
    assert stage.running() == ["web.1"]
    assert (
        outlook(stage.app.id, change.version, stage.platform, time.time()).state
        is OutlookState.LIVE
    )


def test_scaling_during_a_deploy_holds_for_what_is_wanted(stage: Stage) -> None:
    stage.deployed()
    stage.releases()
    stage.converges()

    scale(stage.now(), {"web": 2}, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()

    assert stage.served() == ["web.1", "web.2"]
    assert {row.dyno.release for row in stage.rows(UP)} == {2}


def test_fewer_after_too_many_is_not_told_of_the_too_many(stage: Stage) -> None:
    stage.deployed()
    stage.platform.apps.block(stage.app.id, "No host can take web.34")

    change = scale(stage.now(), {"web": 1}, "ana", stage.platform, time.time())

    state = outlook(stage.app.id, change.version, stage.platform, time.time()).state
    assert state is not OutlookState.FAILED


def test_what_fits_nowhere_is_blocked_and_says_so(stage: Stage) -> None:
    stage.deployed()
    stage.platform.hosts.note("local", memory_mb=1400)

    change = scale(stage.now(), {"web": 5}, "ana", stage.platform, time.time())
    stage.converges()

    told = outlook(stage.app.id, change.version, stage.platform, time.time())
    assert told.state is OutlookState.FAILED
    assert told.text.startswith(
        "No host can take web.3: local: has 96 MB unreserved, 512 MB are needed"
    )
    assert told.text.endswith(
        "2 of 5 dynos are placed, the rest follow by themselves; to want no more: paas scale web=2 -a shop"
    )
    stage.platform.hosts.note("local", memory_mb=8000)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    stage.comes_up()
    stage.converges()
    assert stage.served() == ["web.1", "web.2", "web.3", "web.4", "web.5"]
    assert stage.now().blocked is None


def test_room_that_one_app_makes_is_given_to_another_at_once(stage: Stage) -> None:
    other = stage.another_app("blog")
    stage.deployed()
    stage.platform.hosts.note("local", memory_mb=1400)
    scale(stage.now(), {"web": 2}, "ana", stage.platform, time.time())
    stage.converges()
    converge(other.id, "worker", stage.platform)
    assert "No host can take web.1" in (stage.platform.apps.get(other.id).blocked or "")
    stage.platform.redis.delete(*stage.platform.redis.keys("rq:queue:*"))

    scale(stage.now(), {"web": 1}, "ana", stage.platform, time.time())
    stage.converges(1)

    assert other.id in stage.platform.wire.waiting(CONVERGE)
    converge(other.id, "worker", stage.platform)
    assert [row.state for row in stage.platform.containers.of(other.id)] == [STARTING]


def test_a_deploy_that_finds_no_room_waits_for_it_no_longer_than_for_a_start(stage: Stage) -> None:
    stage.deployed()
    stage.platform.hosts.note("local", memory_mb=700)
    stage.releases()
    stage.converges()
    deploy = stage.platform.deploys.open(stage.app.id)
    assert deploy is not None
    assert deploy.deadline < time.time() + stage.platform.settings.start_seconds + 1

    stage.platform.hosts.note("local", memory_mb=8000)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    deploy = stage.platform.deploys.open(stage.app.id)
    assert deploy is not None
    assert deploy.deadline > time.time() + DEPLOY_SECONDS
    stage.comes_up()
    stage.converges()
    assert {row.dyno.release for row in stage.rows(UP)} == {2}


def test_replicas_are_spread_over_the_hosts(wide_stage: Stage) -> None:
    wide_stage.releases()
    scale(wide_stage.now(), {"web": 6}, "ana", wide_stage.platform, time.time())

    wide_stage.converges(1)

    assert sorted(row.host for row in wide_stage.rows(STARTING)) == [
        "h1",
        "h1",
        "h2",
        "h2",
        "h3",
        "h3",
    ]
    assert all("candidates" in row.placement for row in wide_stage.rows())


def test_a_scale_whose_new_dyno_crashes_says_so_and_keeps_the_others(stage: Stage) -> None:
    stage.deployed()
    since = time.time()
    change = scale(stage.now(), {"web": 2}, "ana", stage.platform, since)
    stage.converges()

    stage.observer._exited(stage.row("web.2"), 3, time.time())
    stage.converges()

    told = outlook(stage.app.id, change.version, stage.platform, since)
    assert told.state is OutlookState.FAILED
    assert told.text == "web.2 crashed: exited with status 3 while starting; it will be tried again"
    assert stage.served() == ["web.1"]


def test_steps_up_and_down_count_from_what_is_recorded(stage: Stage) -> None:
    stage.deployed()

    for _ in range(2):
        scale(stage.now(), {"web": Step(2)}, "ana", stage.platform, time.time())
    scale(stage.now(), {"web": Step(-1)}, "ana", stage.platform, time.time())

    assert stage.platform.formations.of(stage.app.id).lines["web"].quantity == 4
    with pytest.raises(InvalidQuantity):
        scale(stage.now(), {"web": Step(-5)}, "ana", stage.platform, time.time())
