"""Converge on the memory's engine: deploy, scale, restart, crash, stop and destroy are the same steps."""

import time

import pytest

from paas.apps.destroy import destroy
from paas.engine.engine import HostUnreachable
from paas.model.build import BuildState
from paas.model.container import CRASHED, RETIRING, STARTING, STOPPING, UP, container_name
from paas.model.deploy import DeployState
from paas.model.formation import InvalidQuantity, Step
from paas.model.route import RouteMode
from paas.releases.configure import configure
from paas.releases.rollback import roll_back
from paas.scheduler.live import OutlookState, outlook
from paas.scheduler.restart import restart, start, stop
from paas.scheduler.scale import scale
from tests.engine import IMAGE, make_image
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


def test_a_worker_that_dies_after_writing_a_row_is_continued_by_the_next(stage: Stage) -> None:
    stage.releases()
    stage.engine.world.lose("local")
    with pytest.raises(HostUnreachable):
        stage.converges(1)
    placed = stage.rows()[0]

    stage.engine.world.heal("local")
    stage.converges()

    assert [row.id for row in stage.rows(STARTING)] == [placed.id]
    assert stage.running() == ["web.1"]


def test_a_container_without_a_row_is_removed(stage: Stage) -> None:
    stage.deployed()
    stranger = next(iter(stage.engine.world.machines["local"].boxes.values())).spec
    platform_id = stage.platform.settings.platform
    labels = {**stranger.labels, "paas.container": "f" * 12}
    name = container_name(platform_id, "f" * 12)
    stage.engine.start("local", type(stranger)(**{
        **{field: getattr(stranger, field) for field in stranger.__dataclass_fields__},
        "name": name, "labels": labels, "address": "10.85.0.250",
    }))  # fmt: skip

    stage.sweeps()

    assert stage.engine.inspect("local", name) is None
    assert stage.served() == ["web.1"]


def test_a_container_that_vanished_is_replaced(stage: Stage) -> None:
    stage.deployed()
    row = stage.row("web.1")
    stage.platform.containers.note(row.id, since=time.time() - 60)
    stage.engine.remove("local", container_name(stage.platform.settings.platform, row.id))

    stage.converges()

    assert stage.platform.containers.get(row.id).state in (CRASHED, "gone")  # type: ignore[union-attr]
    assert stage.served() == []


def test_an_emptied_redis_is_filled_again_and_touches_no_container(stage: Stage) -> None:
    stage.deployed()
    before = [box.starts for box in stage.engine.world.machines["local"].boxes.values()]
    route = stage.route()

    stage.platform.redis.flushall()
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert stage.route() == route
    assert [box.starts for box in stage.engine.world.machines["local"].boxes.values()] == before
    assert stage.running() == ["web.1"]


def test_a_destroyed_app_leaves_nothing_and_frees_its_name(stage: Stage) -> None:
    stage.deployed()

    destroy(stage.now(), "ana", stage.platform, time.time())
    again = stage.platform.apps.add("another", stage.app.name, "ana", time.time())
    stage.converges()

    assert again.name == stage.app.name
    assert stage.running() == []
    assert stage.platform.routes.route(stage.app.id) is None
    assert stage.rows() == []


def test_an_app_that_is_destroyed_while_it_is_deployed_ends_its_deploy(stage: Stage) -> None:
    stage.deployed()
    stage.releases()
    stage.converges()

    destroy(stage.now(), "ana", stage.platform, time.time())
    stage.converges()

    deploy = stage.platform.deploys.of(stage.app.id, 2)
    assert deploy is not None
    assert (deploy.state, deploy.reason) == (DeployState.FAILED, "the app was destroyed")
    assert stage.now().live_wake == stage.now().wake
    assert stage.running() == []


def test_what_fits_nowhere_is_blocked_and_says_so(stage: Stage) -> None:
    stage.deployed()
    stage.platform.hosts.note("local", memory_mb=1400)

    change = scale(stage.now(), {"web": 5}, "ana", stage.platform, time.time())
    stage.converges()

    told = outlook(stage.app.id, change.version, stage.platform, time.time())
    assert told.state is OutlookState.FAILED
    assert "MB unreserved" in told.text
    stage.platform.hosts.note("local", memory_mb=8000)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    stage.comes_up()
    stage.converges()
    assert stage.served() == ["web.1", "web.2", "web.3", "web.4", "web.5"]
    assert stage.now().blocked is None


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


def test_an_image_that_is_gone_is_built_again_and_what_waits_for_it_is_placed(stage: Stage) -> None:
    stage.deployed()
    image = stage.platform.builds.images(stage.app.id)[0]
    del stage.engine.world.machines["local"].images[IMAGE]

    change = scale(stage.now(), {"web": 2}, "ana", stage.platform, time.time())
    stage.converges()

    assert (
        "is being built again"
        in outlook(stage.app.id, change.version, stage.platform, time.time()).text
    )
    builds = stage.platform.builds.of(stage.app.id)
    assert [(build.state, build.image, build.source) for build in builds] == [
        (BuildState.QUEUED, image.id, image.source)
    ]
    stage.engine.world.machines["local"].images["image-2"] = make_image("image-2")
    stage.platform.builds.place_image(image.id, {"local": "image-2"}, None)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    stage.comes_up()
    stage.converges()
    assert stage.served() == ["web.1", "web.2"]


def test_steps_up_and_down_count_from_what_is_recorded(stage: Stage) -> None:
    stage.deployed()

    for _ in range(2):
        scale(stage.now(), {"web": Step(2)}, "ana", stage.platform, time.time())
    scale(stage.now(), {"web": Step(-1)}, "ana", stage.platform, time.time())

    assert stage.platform.formations.of(stage.app.id).lines["web"].quantity == 4
    with pytest.raises(InvalidQuantity):
        scale(stage.now(), {"web": Step(-5)}, "ana", stage.platform, time.time())
