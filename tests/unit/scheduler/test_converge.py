"""What a step finds that nobody wanted: lost workers, containers, tables, images; and the end of an app."""

import time

import pytest

from paas.apps.destroy import destroy
from paas.engine.engine import HostUnreachable
from paas.model.build import BuildState
from paas.model.container import CRASHED, STARTING, container_name
from paas.model.deploy import DeployState
from paas.scheduler.converge import converge
from paas.scheduler.live import outlook
from paas.scheduler.scale import scale
from tests.engine import IMAGE, make_image
from tests.unit.scheduler.stage import Stage


def test_a_worker_that_dies_after_writing_a_row_is_continued_by_the_next(stage: Stage) -> None:
    stage.releases()
    stage.engine.world.lose("local")
    with pytest.raises(HostUnreachable):
        converge(stage.app.id, "worker", stage.platform)
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
    stage.platform.builds.place_image(image.id, "local", "image-2")
    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    stage.comes_up()
    stage.converges()
    assert stage.served() == ["web.1", "web.2"]
