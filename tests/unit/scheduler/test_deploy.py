"""From a release that is wanted to the one that serves."""

import time

from paas.model.container import RETIRING, STARTING, STOPPING, UP
from paas.model.deploy import DeployState
from paas.releases.configure import configure
from paas.releases.rollback import roll_back
from paas.scheduler.live import OutlookState, outlook
from paas.scheduler.scale import scale
from tests.unit.scheduler.stage import Stage


def test_a_first_release_runs_one_web_dyno_and_is_served(stage: Stage) -> None:
    stage.releases(web="serve", worker="work")
    stage.converges()
    assert [row.dyno.name for row in stage.rows(STARTING)] == ["web.1"]
    assert stage.served() == []

    stage.comes_up()
    stage.converges()

    assert stage.served() == ["web.1"]
    assert stage.now().current_release == 1
    assert stage.now().live_wake == stage.now().wake


def test_what_exits_before_it_serves_fails_the_deploy_though_it_had_come_up(stage: Stage) -> None:
    stage.deployed()
    stage.releases(web="serve", worker="work")
    scale(stage.now(), {"worker": 1}, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up("web.1")
    new = next(row for row in stage.rows(UP) if row.dyno.release == 2)

    stage.platform.containers.note(new.id, exits=(time.time(),), exit_code=3)
    stage.converges()

    assert stage.now().wanted_release == stage.now().current_release == 1
    assert stage.served() == ["web.1"]
    failed = stage.platform.deploys.all(stage.app.id)[0]
    assert failed.reason == "web.1 exited right after it had come up"


def test_a_new_release_is_not_served_before_all_of_it_is_up(stage: Stage) -> None:
    stage.deployed()
    scale(stage.now(), {"web": 2}, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()
    old = {backend.container for backend in stage.route().backends}

    stage.releases()
    stage.converges()
    stage.comes_up("web.1")
    stage.converges()

    assert {backend.container for backend in stage.route().backends} == old
    assert len(stage.running()) == 4
    stage.comes_up()
    stage.converges()
    assert not old & {backend.container for backend in stage.route().backends}
    assert stage.served() == ["web.1", "web.2"]
    assert stage.running() == ["web.1", "web.2"]


def test_nothing_is_stopped_before_every_router_has_acknowledged(stage: Stage) -> None:
    stage.deployed()
    stage.is_acknowledged = False

    stage.releases()
    stage.converges()
    stage.comes_up()
    stage.converges()

    deploy = stage.platform.deploys.open(stage.app.id)
    assert deploy is not None
    assert deploy.state is DeployState.SWITCHING
    assert stage.running() == ["web.1", "web.1"]
    assert stage.now().current_release == 1


def test_what_still_answers_requests_is_not_stopped(stage: Stage) -> None:
    stage.deployed()
    old = stage.row("web.1")
    stage.busy = {old.id: 3}

    stage.releases()
    stage.converges()
    stage.comes_up()
    stage.converges()

    assert [row.id for row in stage.rows(RETIRING)] == [old.id]
    assert stage.now().live_wake == stage.now().wake
    stage.busy = {}
    stage.converges()
    assert stage.rows(RETIRING, STOPPING) == []


def test_a_crash_of_the_new_release_leaves_the_old_one_untouched(stage: Stage) -> None:
    stage.deployed()
    old = stage.row("web.1").id
    change = configure(stage.now(), {"COLOUR": "red"}, "ana", stage.platform, time.time())
    stage.converges()
    new = next(row for row in stage.rows(STARTING))

    stage.observer._exited(new, 1, time.time())
    stage.converges()

    deploy = stage.platform.deploys.of(stage.app.id, 2)
    assert deploy is not None
    assert deploy.state is DeployState.FAILED
    assert deploy.reason == "web.1 exited with status 1 while starting"
    assert [backend.container for backend in stage.route().backends] == [old]
    assert stage.running() == ["web.1"]
    assert stage.now().wanted_release == 1
    told = outlook(stage.app.id, change.version, stage.platform, time.time())
    assert told.state is OutlookState.FAILED
    assert "exited with status 1" in told.text


def test_the_config_of_a_failed_release_is_rolled_back_with_it(stage: Stage) -> None:
    stage.deployed()
    configure(stage.now(), {"A": "1"}, "ana", stage.platform, time.time())
    stage.converges()
    stage.observer._exited(stage.rows(STARTING)[0], 1, time.time())
    stage.converges()

    change = configure(stage.now(), {"B": "2"}, "ana", stage.platform, time.time())

    assert change.release is not None
    assert change.release.config.vars == {"B": "2"}


def test_a_release_that_never_answers_fails_at_its_deadline(stage: Stage) -> None:
    stage.releases()
    stage.converges()
    row = stage.rows(STARTING)[0]

    stage.platform.containers.note(row.id, deadline=time.time() - 1)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    deploy = stage.platform.deploys.of(stage.app.id, 1)
    assert deploy is not None
    assert deploy.state is DeployState.FAILED
    assert deploy.reason is not None
    assert "nothing listens on 0.0.0.0:5000" in deploy.reason
    assert stage.running() == []


def test_a_router_that_never_acknowledges_fails_the_deploy_and_is_named(stage: Stage) -> None:
    stage.deployed()
    stage.is_acknowledged = False
    stage.releases()
    stage.converges()
    stage.comes_up()
    stage.converges()
    open_deploy = stage.platform.deploys.open(stage.app.id)
    assert open_deploy is not None

    stage.platform.deploys.move(open_deploy, DeployState.SWITCHING, deadline=time.time() - 1)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    failed = stage.platform.deploys.of(stage.app.id, 2)
    assert failed is not None
    assert failed.reason == "router local did not acknowledge the new routes"
    assert [b.container for b in stage.route().backends] == [
        row.id for row in stage.rows(UP) if row.dyno.release == 1
    ]


def test_a_newer_deploy_takes_the_place_of_an_older_one(stage: Stage) -> None:
    stage.deployed()
    first = configure(stage.now(), {"A": "1"}, "ana", stage.platform, time.time())
    stage.converges()

    configure(stage.now(), {"B": "2"}, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()

    superseded = stage.platform.deploys.of(stage.app.id, 2)
    assert superseded is not None
    assert superseded.state is DeployState.SUPERSEDED
    assert stage.now().current_release == 3
    assert (
        outlook(stage.app.id, first.version, stage.platform, time.time()).state is OutlookState.LIVE
    )
    assert stage.running() == ["web.1"]


def test_a_rollback_restores_image_and_config(stage: Stage) -> None:
    stage.deployed()
    configure(stage.now(), {"COLOUR": "red"}, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()

    change = roll_back(stage.now(), None, "ana", stage.platform, time.time())
    stage.converges()
    stage.comes_up()
    stage.converges()

    assert change.release is not None
    assert change.release.description == "Rollback to v1"
    assert change.release.config.vars == {}
    assert stage.now().current_release == 3


def test_two_that_a_deploy_replaces_are_not_put_on_one_host_of_three(wide_stage: Stage) -> None:
    wide_stage.releases()
    scale(wide_stage.now(), {"web": 2}, "ana", wide_stage.platform, time.time())
    wide_stage.deployed()

    for _ in range(6):
        wide_stage.releases()
        wide_stage.converges(1)
        assert len({row.host for row in wide_stage.rows(STARTING)}) == 2
        wide_stage.comes_up()
        wide_stage.converges(3)


def test_a_switch_that_was_acknowledged_and_that_nobody_looked_at_in_time_has_succeeded(
    stage: Stage,
) -> None:
    stage.deployed()
    stage.is_acknowledged = False
    stage.releases()
    stage.converges()
    stage.comes_up()
    stage.converges()
    open_deploy = stage.platform.deploys.open(stage.app.id)
    assert open_deploy is not None and open_deploy.state is DeployState.SWITCHING

    stage.is_acknowledged = True
    stage.acknowledges()
    stage.platform.deploys.move(open_deploy, DeployState.SWITCHING, deadline=time.time() - 1)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    deploy = stage.platform.deploys.of(stage.app.id, 2)
    assert deploy is not None and deploy.state is DeployState.SUCCEEDED
    assert stage.now().current_release == 2
