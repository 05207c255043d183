"""The release process: once, before anything of its release is started; and what becomes of the deploy by it."""

import time
from contextlib import suppress

import pytest

from paas.apps.destroy import destroy
from paas.engine.engine import HostUnreachable
from paas.model.container import GONE, STARTING, UP, Container, Kind, container_name
from paas.model.deploy import Deploy, DeployState
from paas.model.host import HostHealth
from paas.model.log import LogLine
from paas.scheduler.converge import converge
from paas.scheduler.live import OutlookState, outlook
from paas.scheduler.releasing import output_name, printed
from paas.scheduler.scale import scale
from tests.unit.scheduler.stage import Stage

MIGRATE = {"web": "serve", "release": "migrate"}


def process(stage: Stage) -> Container:
    """The one that there is."""
    (row,) = [row for row in stage.rows() if row.kind is Kind.RELEASE]
    return row


def processes_ever(stage: Stage) -> list[Container]:
    rows = stage.platform.containers.of(stage.app.id, gone=True)
    return [row for row in rows if row.kind is Kind.RELEASE]


def ends(stage: Stage, code: int = 0) -> None:
    """The engine tells, its log is read to the end, and the app is looked at again."""
    row = process(stage)
    name = container_name(stage.platform.settings.platform, row.id)
    stage.engine.crash(row.host, name, code)
    stage.observer._exited(row, code, time.time())
    stage.platform.containers.note(row.id, is_logged=True)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()


def is_placed_again(row: Container, stage: Stage, state: str = "placed") -> None:
    """As if the worker had died before it wrote down what it did."""
    with stage.platform.record.write() as tx:
        tx.exec_driver_sql("UPDATE containers SET state = ? WHERE id = ?", (state, row.id))


def deploy_of(stage: Stage, release: int) -> Deploy:
    deploy = stage.platform.deploys.of(stage.app.id, release)
    assert deploy is not None
    return deploy


def test_nothing_of_a_release_is_started_before_its_release_process_has_ended(stage: Stage) -> None:
    stage.releases(**MIGRATE)
    stage.converges()

    row = process(stage)
    assert (row.state, row.dyno.process, row.exit_code) == (UP, "release", None)
    assert stage.running() == [row.dyno.name]
    (box,) = stage.engine.world.machines["local"].boxes.values()
    assert box.spec.command == ("paas-start", "migrate")
    assert "PORT" not in box.spec.env
    assert not box.spec.is_restarted

    ends(stage)

    assert [one.dyno.name for one in stage.rows(STARTING)] == ["web.1"]
    stage.comes_up()
    stage.converges()
    assert deploy_of(stage, 1).state is DeployState.SUCCEEDED
    assert stage.served() == ["web.1"]
    assert [one.state for one in processes_ever(stage)] == [GONE]


def test_a_release_process_that_fails_leaves_the_old_release_and_nothing_of_the_new(
    stage: Stage,
) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()

    ends(stage, 3)

    deploy = deploy_of(stage, 2)
    assert deploy.state is DeployState.FAILED
    assert deploy.reason == "the release process ended with status 3"
    assert stage.now().wanted_release == stage.now().current_release == 1
    assert stage.running() == ["web.1"]
    assert {one.dyno.release for one in stage.rows()} == {1}


def test_while_it_runs_the_current_release_is_scaled_and_healed(stage: Stage) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()

    change = scale(stage.now(), {"web": 2}, "ana", stage.platform, time.time())
    stage.converges()
    assert outlook(stage.app.id, change.version, stage.platform, 0).state is OutlookState.WAITING
    stage.comes_up()
    stage.converges()

    assert stage.served() == ["web.1", "web.2"]
    assert outlook(stage.app.id, change.version, stage.platform, 0).state is OutlookState.LIVE
    assert {one.dyno.release for one in stage.rows() if one.kind is Kind.DYNO} == {1}
    assert deploy_of(stage, 2).state is DeployState.RELEASING
    begun = deploy_of(stage, 2)
    seen = outlook(stage.app.id, begun.wake, stage.platform, begun.created_at)
    assert seen.state is OutlookState.WAITING
    assert seen.text == f"running the release process ({process(stage).dyno.name})"


def test_the_next_one_waits_until_that_of_a_superseded_deploy_has_ended(stage: Stage) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()
    first = process(stage)
    stage.releases(**MIGRATE)
    stage.converges()

    assert process(stage).id == first.id
    assert stage.running() == [first.dyno.name, "web.1"]
    ends(stage, 1)  # whose deploy is over is nobody's failure

    second = process(stage)
    assert (second.dyno.release, second.state) == (3, UP)
    assert deploy_of(stage, 2).state is DeployState.SUPERSEDED
    ends(stage)
    stage.comes_up()
    stage.converges()
    assert deploy_of(stage, 3).state is DeployState.SUCCEEDED


def test_it_is_not_run_again_when_a_worker_dies_after_it_was_started(stage: Stage) -> None:
    stage.releases(**MIGRATE)
    stage.converges()
    row = process(stage)
    name = container_name(stage.platform.settings.platform, row.id)
    began = stage.engine.inspect("local", name)
    is_placed_again(row, stage)
    stage.engine.crash("local", name, 0)
    stage.platform.apps.touch(stage.app.id)

    stage.converges()
    stage.platform.containers.note(row.id, is_logged=True)
    stage.converges()

    now = stage.engine.inspect("local", name)
    assert began is not None
    assert now is None or now.started_at == began.started_at
    assert [one.id for one in processes_ever(stage)] == [row.id]
    assert [one.dyno.name for one in stage.rows(STARTING)] == ["web.1"]


def test_one_that_takes_too_long_is_ended_and_fails_the_deploy(stage: Stage) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()
    row, deploy = process(stage), deploy_of(stage, 2)
    assert deploy.deadline == row.deadline
    stage.platform.containers.note(row.id, deadline=time.time() - 1)
    stage.platform.deploys.move(deploy, DeployState.RELEASING, deadline=time.time() - 1)
    stage.platform.apps.touch(stage.app.id)

    stage.converges()

    assert (deploy_of(stage, 2).reason or "").startswith("the release process took more than")
    assert stage.running() == ["web.1"]


def test_one_that_is_lost_with_its_host_fails_the_deploy_and_is_not_run_elsewhere(
    wide_stage: Stage,
) -> None:
    wide_stage.releases(**MIGRATE)
    wide_stage.converges()
    row = process(wide_stage)

    wide_stage.engine.world.lose(row.host)
    wide_stage.is_seen(row.host, HostHealth.DOWN)
    wide_stage.converges()

    deploy = deploy_of(wide_stage, 1)
    assert deploy.state is DeployState.FAILED
    assert deploy.reason == f"host {row.host} was lost while the release process ran there"
    assert [one.id for one in processes_ever(wide_stage)] == [row.id]


def test_its_output_is_kept_when_it_is_gone(stage: Stage) -> None:
    stage.releases(**MIGRATE)
    stage.converges()
    row = process(stage)
    lines = ["creating table fish", "done"]
    stage.platform.logs.append(
        stage.app.id,
        [LogLine(at, "app", row.dyno.name, text, row.id) for at, text in enumerate(lines)],
    )
    assert printed(stage.app.id, 1, stage.platform) == lines

    ends(stage)

    kept, _ = stage.platform.logs.read_output(output_name(stage.app.id, 1), 0)
    assert kept == b"creating table fish\ndone\n"
    assert printed(stage.app.id, 1, stage.platform) == lines


def test_what_cannot_be_placed_says_so_and_runs_when_there_is_room(stage: Stage) -> None:
    stage.platform.hosts.note("local", memory_mb=100)
    stage.releases(**MIGRATE)
    stage.converges()
    assert "No host can take release." in (stage.now().blocked or "")
    before = deploy_of(stage, 1).deadline

    stage.platform.apps.touch(stage.app.id)
    stage.converges()
    assert deploy_of(stage, 1).deadline == before
    stage.platform.hosts.note("local", memory_mb=8192)
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert process(stage).state is UP
    assert deploy_of(stage, 1).deadline == process(stage).deadline


def test_a_destroyed_app_takes_it_along(stage: Stage) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()

    destroy(stage.now(), "ana", stage.platform, time.time())
    stage.converges()

    assert stage.running() == []


def test_a_host_that_does_not_answer_does_not_have_it_run_twice(wide_stage: Stage) -> None:
    wide_stage.releases(**MIGRATE)
    for host in wide_stage.hosts:
        wide_stage.engine.world.lose(host)
    with pytest.raises(HostUnreachable):
        converge(wide_stage.app.id, "worker", wide_stage.platform)
    placed = process(wide_stage)

    for host in wide_stage.hosts:
        wide_stage.engine.world.heal(host)
    with suppress(HostUnreachable):
        wide_stage.converges()

    assert process(wide_stage).id == placed.id
    assert wide_stage.running() == [placed.dyno.name]


def test_one_that_a_killed_worker_had_started_is_let_end_when_its_deploy_is_superseded(
    stage: Stage,
) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()
    row = process(stage)
    is_placed_again(row, stage)
    stage.releases(**MIGRATE)

    stage.converges()

    assert [one.id for one in processes_ever(stage)] == [row.id]
    assert process(stage).state is UP
    assert row.dyno.name in stage.running()
    ends(stage)
    assert process(stage).dyno.release == 3


def test_an_image_that_cannot_be_had_is_looked_for_on_another_host(wide_stage: Stage) -> None:
    wide_stage.releases(**MIGRATE)
    wide_stage.converges()
    row = process(wide_stage)
    is_placed_again(row, wide_stage, "pulling")
    wide_stage.platform.containers.note(row.id, deadline=time.time() - 1)

    wide_stage.converges()

    assert process(wide_stage).id != row.id
    assert deploy_of(wide_stage, 1).state is DeployState.RELEASING


def test_a_scale_without_room_does_not_hurry_the_deploy_that_waits(stage: Stage) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()
    stage.releases(**MIGRATE)
    before = deploy_of(stage, 3).deadline

    scale(stage.now(), {"web": 100}, "ana", stage.platform, time.time())
    stage.converges()

    assert "No host can take web." in (stage.now().blocked or "")
    assert deploy_of(stage, 3).deadline == before


def test_one_that_is_told_to_stop_is_ended(stage: Stage) -> None:
    stage.deployed()
    stage.releases(**MIGRATE)
    stage.converges()

    stage.platform.containers.note(process(stage).id, deadline=time.time())  # as ps:stop does
    stage.platform.apps.touch(stage.app.id)
    stage.converges()

    assert stage.running() == ["web.1"]
