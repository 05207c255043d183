"""What the engine tells of containers that are on their way out, and were started again by somebody."""

import time

from paas.engine.engine import Event, EventKind, Seen
from paas.model.container import GONE, RETIRING, STOPPING, UP, Container, container_name
from paas.scheduler.restart import stop
from tests.unit.scheduler.stage import Stage


def name_of(row: Container, stage: Stage) -> str:
    return container_name(stage.platform.settings.platform, row.id)


def seen(row: Container, stage: Stage) -> Seen:
    found = stage.engine.inspect(row.host, name_of(row, stage))
    assert found is not None
    return found


def again(row: Container, stage: Stage) -> Container:
    found = stage.platform.containers.get(row.id)
    assert found is not None
    return found


def starts_again(row: Container, stage: Stage) -> None:
    """Somebody does, behind our back."""
    spec = stage.engine.world.machines[row.host].boxes[name_of(row, stage)].spec
    stage.engine.start(row.host, spec)


def is_being_stopped(stage: Stage) -> Container:
    """It got SIGTERM, has exited, and is not removed yet."""
    stage.deployed()
    row, now, containers = stage.row("web.1"), time.time(), stage.platform.containers
    stop(stage.now(), "ana", stage.platform, now)
    containers.move(row.id, RETIRING, now)
    containers.move(row.id, STOPPING, now, deadline=now + 30)
    stage.engine.signal(row.host, name_of(row, stage), "SIGTERM")
    stage.sweeps()
    assert again(row, stage).exit_code == 143
    return row


def test_what_somebody_starts_again_while_it_is_stopped_is_told_once_more(stage: Stage) -> None:
    row = is_being_stopped(stage)
    stage.platform.containers.note(row.id, is_logged=True)

    starts_again(row, stage)
    stage.sweeps()

    assert not seen(row, stage).is_running
    assert seen(row, stage).exit_code == 143
    assert again(row, stage).exit_code is None
    assert not again(row, stage).is_logged, "its log went on"
    stage.sweeps()
    stage.converges()
    assert again(row, stage).state is GONE
    assert stage.running() == []


def test_an_event_tells_the_same_as_the_sweep(stage: Stage) -> None:
    row = is_being_stopped(stage)

    starts_again(row, stage)
    stage.observer.note(Event(EventKind.STARTED, name_of(row, stage), time.time()))

    assert not seen(row, stage).is_running
    assert again(row, stage).exit_code is None


def test_what_has_its_sigterm_and_still_runs_is_waited_for(stage: Stage) -> None:
    stage.deployed()
    row, now = stage.row("web.1"), time.time()
    stage.platform.containers.move(row.id, RETIRING, now)
    stage.platform.containers.move(row.id, STOPPING, now, exit_code=0, deadline=now + 30)

    stage.sweeps()

    assert seen(row, stage).is_running
    assert again(row, stage).exit_code is None
    assert again(row, stage).deadline == now + 30


def test_an_exit_while_requests_end_is_forgotten_when_the_engine_has_started_it_again(
    stage: Stage,
) -> None:
    stage.deployed()
    row = stage.row("web.1")
    stage.busy = {row.id: 1}
    stop(stage.now(), "ana", stage.platform, time.time())
    stage.converges()
    stage.platform.containers.note(row.id, exit_code=1)

    stage.sweeps()

    assert again(row, stage).state is RETIRING
    assert again(row, stage).exit_code is None
    stage.busy = {}
    stage.acknowledges()
    stage.converges()
    assert again(row, stage).state is GONE
    assert again(row, stage).exit_code == 143


def test_what_was_killed_names_the_limit_unless_the_engine_has(stage: Stage) -> None:
    stage.deployed()
    row = stage.row("web.1")

    stage.crashes("web.1", code=137)
    stage.observer.note(Event(EventKind.OOM, name_of(row, stage), time.time()))
    stage.crashes("web.1", code=137)

    assert again(row, stage).state is UP
    lines, _ = stage.platform.logs.tail(stage.app.id, 100)
    told = [line.text for line in lines if "137" in line.text or "R15" in line.text]
    assert told == [
        "Process exited with status 137 (killed, perhaps for want of memory: the limit is 512 MB)",
        "Error R15 (Memory quota vastly exceeded): the limit is 512 MB",
        "Process exited with status 137",
    ]
