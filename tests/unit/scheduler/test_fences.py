"""A worker that slept for longer than its lease: what it still wants to do is not done."""

import time

import pytest

from paas.model.container import STARTING, UP
from paas.model.deploy import DeployState
from paas.routes.table import StaleFence
from paas.scheduler.apply import crash, start_all
from paas.scheduler.converge import step
from paas.scheduler.deploy import fail, succeed, switch
from paas.scheduler.plan import plan_changes
from paas.scheduler.view import View, look
from paas.store.leases import LEASE_SECONDS, Lease
from tests.unit.scheduler.stage import Stage


def falls_asleep(stage: Stage) -> tuple[Lease, View]:
    """Its lease, and what it has seen."""
    now = time.time()
    lease = stage.platform.leases.take(stage.app.id, "sleeper", now)
    assert lease is not None
    return lease, look(stage.app.id, stage.platform, now)


def another_takes_over(stage: Stage) -> None:
    """Its own step is done, and the lease given back."""
    later = time.time() + LEASE_SECONDS + 10
    lease = stage.platform.leases.take(stage.app.id, "another", later)
    assert lease is not None
    step(lease, stage.platform)
    stage.platform.leases.drop(lease)


def deploy_state(stage: Stage, release: int) -> DeployState:
    deploy = stage.platform.deploys.of(stage.app.id, release)
    assert deploy is not None
    return deploy.state


def test_it_takes_nothing_for_crashed_that_came_up_meanwhile(stage: Stage) -> None:
    stage.releases()
    stage.converges()
    lease, view = falls_asleep(stage)

    another_takes_over(stage)
    stage.comes_up()
    now = time.time()

    assert not crash(view.rows[0], "nothing listens", stage.platform, now, lease=lease)
    assert stage.row("web.1").state is UP


def test_nor_does_one_that_is_awake(stage: Stage) -> None:
    stage.releases()
    stage.converges()
    lease, view = falls_asleep(stage)

    stage.comes_up()
    crash(view.rows[0], "nothing listens", stage.platform, time.time(), lease=lease)

    assert stage.row("web.1").state is UP


def test_it_gives_up_nothing_that_another_has_started(stage: Stage) -> None:
    stage.deployed()
    lease, view = falls_asleep(stage)
    image = stage.platform.builds.images(stage.app.id)[0]
    another_takes_over(stage)
    stage.platform.builds.place_image(image.id, "local", None)
    assert view.release is not None

    start_all(view.app, view.release, view.rows, lease, stage.platform, time.time())

    assert stage.row("web.1").state is UP


def test_it_does_not_fail_a_deploy(stage: Stage) -> None:
    stage.deployed()
    stage.releases()
    stage.converges()
    late = time.time() + 3600
    lease, view = falls_asleep(stage)

    another_takes_over(stage)

    assert not fail(view, lease, stage.platform, late)
    assert deploy_state(stage, 2) is DeployState.STARTING
    assert stage.now().wanted_release == 2
    assert stage.platform.leases.refused() == 1


def test_it_does_not_switch_to_what_is_not_up_any_more(stage: Stage) -> None:
    stage.deployed()
    stage.releases()
    stage.converges()
    stage.comes_up()
    lease, view = falls_asleep(stage)
    plan = plan_changes(view.dynos, view.rows, [], time.time(), keep_release=1)
    assert plan.is_up

    assert stage.platform.leases.take(stage.app.id, "another", time.time() + 60)
    switch(view, plan, lease, stage.platform, time.time())

    assert deploy_state(stage, 2) is DeployState.STARTING


def test_it_does_not_end_a_deploy_well(stage: Stage) -> None:
    stage.deployed()
    stage.is_acknowledged = False
    stage.releases()
    stage.converges()
    stage.comes_up()
    stage.converges()
    lease, view = falls_asleep(stage)
    assert deploy_state(stage, 2) is DeployState.SWITCHING

    another_takes_over(stage)

    assert not succeed(view, lease, stage.platform, time.time())
    assert deploy_state(stage, 2) is DeployState.SWITCHING
    assert stage.now().current_release == 1


def test_a_whole_step_of_it_changes_nothing(stage: Stage) -> None:
    stage.deployed()
    stage.releases()
    stage.converges()
    lease, _ = falls_asleep(stage)
    another_takes_over(stage)
    stage.comes_up()
    before = stage.looks()

    with pytest.raises(StaleFence):
        step(lease, stage.platform)

    assert stage.looks() == before
    assert not stage.rows(STARTING)


def test_an_app_that_is_destroyed_while_its_deploy_ends_stays_so(stage: Stage) -> None:
    stage.deployed()

    stage.platform.apps.destroy(stage.app.id, time.time())
    stage.platform.apps.settle(stage.app.id, 1, time.time())

    assert stage.now().wanted_release is None
    assert stage.now().current_release is None
