"""What the route table says of an app that has crashed."""

from paas.model.route import RouteMode
from paas.scheduler.plan import LOOP_EXITS
from paas.scheduler.restart import restart
from tests.make import NOW
from tests.unit.scheduler.stage import Stage


def loops(stage: Stage, name: str) -> None:
    for _ in range(LOOP_EXITS):
        stage.crashes(name)
    stage.converges()


def two(stage: Stage) -> None:
    stage.deployed()
    stage.platform.formations.scale(stage.app.id, {"web": 2})
    stage.converges()
    stage.comes_up()
    stage.converges()


def test_an_app_has_crashed_when_the_last_of_its_web_dynos_has(stage: Stage) -> None:
    two(stage)

    loops(stage, "web.1")
    one_left = stage.route()
    loops(stage, "web.2")

    assert (one_left.mode, len(one_left.backends)) == (RouteMode.SERVING, 1)
    assert (stage.route().mode, stage.route().backends) == (RouteMode.CRASHED, ())


def test_what_is_tried_again_has_crashed_until_it_is_up(stage: Stage) -> None:
    stage.deployed()
    loops(stage, "web.1")
    (crashed,) = stage.platform.containers.crashed_since(0, stage.app.id)
    stage.platform.containers.note(crashed.id, crashed_at=crashed.crashed_at - 60)  # type: ignore[operator]

    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    meanwhile = stage.route().mode
    stage.comes_up()
    stage.converges()

    assert meanwhile is RouteMode.CRASHED
    assert (stage.route().mode, stage.served()) == (RouteMode.SERVING, ["web.1"])


def test_who_restarts_or_stops_what_crashed_begins_anew(stage: Stage) -> None:
    stage.deployed()
    loops(stage, "web.1")
    restart(stage.now(), None, "ana", stage.platform, NOW)
    stage.converges()
    assert stage.route().mode is RouteMode.SERVING

    stage.platform.apps.stop(stage.app.id, stopped=True)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    assert stage.route().mode is RouteMode.STOPPED


def test_an_emptied_table_is_filled_with_what_has_crashed(stage: Stage) -> None:
    stage.deployed()
    loops(stage, "web.1")
    before = stage.route()

    stage.platform.redis.flushdb()
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert stage.route() == before
