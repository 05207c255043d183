import time
import uuid

from paas.model.app import AppName
from paas.model.build import Build, BuildState
from paas.model.container import RETIRING
from paas.scheduler.clock import Clock
from paas.wire import BUILDS, CONVERGE
from tests.make import NOW
from tests.unit.scheduler.stage import Stage


def lengths(stage: Stage) -> dict[str, int]:
    return {name: stage.platform.wire.queue(name).count for name in (BUILDS, CONVERGE)}


def test_a_sweep_queues_what_is_wanted_and_nobody_was_told_of(stage: Stage) -> None:
    other = stage.platform.apps.add(str(uuid.uuid4()), AppName("blog"), "ana", NOW)
    stage.platform.apps.touch(stage.app.id)
    stage.platform.apps.touch(other.id)

    Clock(stage.platform).tick()

    assert stage.platform.wire.waiting(CONVERGE) >= {stage.app.id, other.id}


def test_a_queue_that_nobody_serves_does_not_grow(stage: Stage) -> None:
    build = Build(str(uuid.uuid4()), stage.app.id, BuildState.QUEUED, "s", "", "ana", NOW)
    stage.platform.builds.add(build)
    stage.platform.apps.touch(stage.app.id)
    Clock(stage.platform).tick()
    before = lengths(stage)

    for _ in range(3):
        Clock(stage.platform).tick()

    assert lengths(stage) == before == {BUILDS: 1, CONVERGE: 1}


def test_what_is_overdue_is_queued_once_while_nobody_works(stage: Stage) -> None:
    stage.deployed(web=1)
    row = stage.rows()[0]
    stage.platform.containers.move(row.id, RETIRING, time.time() - 3600)
    stage.platform.wire.queue(CONVERGE).empty()
    clock = Clock(stage.platform)

    for _ in range(3):
        clock.tick()

    assert lengths(stage)[CONVERGE] == 1


def test_what_a_worker_has_begun_may_be_queued_again(stage: Stage) -> None:
    stage.platform.wire.converge(stage.app.id)
    queue = stage.platform.wire.queue(CONVERGE)
    assert stage.platform.wire.waiting(CONVERGE) == {stage.app.id}

    queue.pop_job_id()

    assert stage.platform.wire.waiting(CONVERGE) == frozenset()
