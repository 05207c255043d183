"""Several hosts: one that is lost, one that hangs, one that is drained, one that has no image yet."""

import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from paas.apps.destroy import destroy
from paas.engine.engine import HostUnreachable
from paas.engine.threads import EngineThreads
from paas.model.app import UnknownApp
from paas.model.buildpack import Buildpack
from paas.model.container import CRASHED, GONE, PLACED, PULLING, STARTING, UP, Container
from paas.model.deploy import DeployState
from paas.model.host import HostHealth, Schedulable
from paas.releases.tidy import forget
from paas.scheduler.clock import Clock
from paas.scheduler.converge import STARTS_AT_ONCE, converge, step
from paas.scheduler.live import OutlookState, outlook
from paas.scheduler.scale import scale
from paas.scheduler.spread import spread, spread_all, unregistered
from paas.settings import Settings
from paas.store.database import Database
from paas.wire import UPKEEP
from tests.engine import IMAGE
from tests.unit.scheduler.stage import Stage


def on(host: str, stage: Stage) -> Container:
    """The one container that fills a dyno there."""
    (row,) = [row for row in stage.rows(PLACED, PULLING, STARTING, UP) if row.host == host]
    return row


def spread_over(stage: Stage, count: int = 3) -> None:
    stage.deployed()
    scale(stage.now(), {"web": count}, "ana", stage.platform, time.time())
    settles(stage)


def settles(stage: Stage) -> None:
    stage.converges()
    stage.comes_up()
    stage.converges()


def test_what_answers_on_another_host_answers_on_a_port_of_it(wide_stage: Stage) -> None:
    spread_over(wide_stage, 6)

    backends = wide_stage.route().backends
    assert {backend.address for backend in backends} == {"127.0.0.1"}
    assert len({backend.port for backend in backends}) == 6
    assert all(20_000 <= backend.port < 30_000 for backend in backends)
    row = wide_stage.row("web.1")
    box = wide_stage.engine.world.machines[row.host].boxes
    (spec,) = [each.spec for each in box.values() if each.spec.hostname == row.id]
    assert spec.published == ("127.0.0.1", row.published, 5000)
    assert (spec.address, spec.env["PORT"]) == (None, "5000")


def test_a_lost_host_is_replaced_on_the_others_at_once(wide_stage: Stage) -> None:
    spread_over(wide_stage)
    lost = on("h2", wide_stage)

    wide_stage.engine.world.lose("h2")
    wide_stage.is_seen("h2", HostHealth.DOWN)
    wide_stage.converges()

    assert lost.dyno.name not in wide_stage.served()
    (new,) = wide_stage.rows(STARTING)
    assert new.dyno == lost.dyno
    assert new.host in ("h1", "h3")
    wide_stage.comes_up()
    wide_stage.converges()
    assert wide_stage.served() == ["web.1", "web.2", "web.3"]
    (left,) = wide_stage.rows(CRASHED)
    assert (left.id, left.reason) == (lost.id, "host h2 is down")


def test_what_a_host_brings_back_is_never_routed_and_goes(wide_stage: Stage) -> None:
    spread_over(wide_stage)
    lost = on("h2", wide_stage)
    wide_stage.engine.world.lose("h2")
    wide_stage.is_seen("h2", HostHealth.DOWN)
    settles(wide_stage)

    wide_stage.engine.world.heal("h2")
    wide_stage.is_seen("h2", HostHealth.UP)
    wide_stage.converges()

    assert lost.id not in {backend.container for backend in wide_stage.route().backends}
    assert wide_stage.engine.list("h2") == []
    gone = wide_stage.platform.containers.get(lost.id)
    assert gone is not None
    assert gone.state is GONE


def test_a_suspect_host_keeps_what_it_has_and_gets_nothing_new(wide_stage: Stage) -> None:
    spread_over(wide_stage)
    wide_stage.engine.world.lose("h2")
    wide_stage.is_seen("h2", HostHealth.SUSPECT)

    scale(wide_stage.now(), {"web": 7}, "ana", wide_stage.platform, time.time())
    settles(wide_stage)

    assert len(wide_stage.served()) == 7
    assert on("h2", wide_stage).state is UP


def test_what_was_not_made_yet_on_a_host_that_falls_silent_is_made_elsewhere(
    wide_stage: Stage,
) -> None:
    wide_stage.deployed()
    answers = wide_stage.row("web.1").host
    for host in {"h1", "h2", "h3"} - {answers}:
        wide_stage.engine.world.lose(host)
    scale(wide_stage.now(), {"web": 3}, "ana", wide_stage.platform, time.time())
    wide_stage.converges()
    assert {row.state for row in wide_stage.rows()} == {UP, PLACED}

    for host in {"h1", "h2", "h3"} - {answers}:
        wide_stage.is_seen(host, HostHealth.SUSPECT)
    settles(wide_stage)

    assert wide_stage.served() == ["web.1", "web.2", "web.3"]
    assert {row.host for row in wide_stage.rows(UP)} == {answers}


def test_a_host_that_hangs_holds_up_nothing_on_the_others(wide_stage: Stage) -> None:
    wide_stage.deployed()
    serving = wide_stage.row("web.1").host
    hanging = min({"h1", "h2", "h3"} - {serving})
    wide_stage.platform = replace(wide_stage.platform, threads=EngineThreads(stuck_seconds=0.5))
    wide_stage.engine.world.hang(hanging, 5)
    begin = time.monotonic()

    scale(wide_stage.now(), {"web": 3}, "ana", wide_stage.platform, time.time())
    with suppress(HostUnreachable):
        converge(wide_stage.app.id, "worker", wide_stage.platform)
    wide_stage.comes_up()

    assert time.monotonic() - begin < 3
    up = wide_stage.rows(UP)
    assert sorted(row.dyno.name for row in up) == ["web.1", "web.2", "web.3"]
    assert hanging not in {row.host for row in up}


def test_a_deploy_goes_on_where_a_host_is_lost_in_the_midst_of_it(wide_stage: Stage) -> None:
    spread_over(wide_stage)
    wide_stage.releases()
    wide_stage.converges()

    wide_stage.engine.world.lose("h2")
    wide_stage.is_seen("h2", HostHealth.DOWN)
    settles(wide_stage)

    deploy = wide_stage.platform.deploys.of(wide_stage.app.id, 2)
    assert deploy is not None
    assert deploy.state is DeployState.SUCCEEDED
    assert wide_stage.served() == ["web.1", "web.2", "web.3"]
    assert "h2" not in {row.host for row in wide_stage.rows(UP)}


def test_what_did_not_answer_in_time_on_a_host_that_is_silent_is_not_the_apps_fault(
    wide_stage: Stage,
) -> None:
    spread_over(wide_stage)
    wide_stage.releases()
    wide_stage.converges(1)
    silent = next(row for row in wide_stage.rows(STARTING) if row.host == "h2")
    wide_stage.engine.world.lose("h2")
    wide_stage.platform.containers.note(silent.id, deadline=time.time() - 1)

    wide_stage.converges()
    wide_stage.is_seen("h2", HostHealth.SUSPECT)
    settles(wide_stage)

    (lost,) = wide_stage.rows(CRASHED)
    assert (lost.id, lost.reason, lost.crashed_at) == (silent.id, "host h2 does not answer", None)
    deploy = wide_stage.platform.deploys.of(wide_stage.app.id, 2)
    assert deploy is not None
    assert deploy.state is DeployState.SUCCEEDED


def test_what_has_no_room_is_not_tried_without_end(wide_stage: Stage) -> None:
    wide_stage.deployed()
    for host in wide_stage.hosts:
        wide_stage.platform.hosts.note(host, memory_mb=1400)

    scale(wide_stage.now(), {"web": 60}, "ana", wide_stage.platform, time.time())
    converge(wide_stage.app.id, "worker", wide_stage.platform)

    assert "No host can take" in (wide_stage.now().blocked or "")
    assert len(wide_stage.rows(STARTING)) == 5


def test_an_image_that_the_registry_has_not_is_brought_there_by_the_sweep(
    wide_stage: Stage,
) -> None:
    wide_stage.deployed()
    (image,) = wide_stage.platform.builds.images(wide_stage.app.id)

    Clock(wide_stage.platform).tick()

    assert "spread_images" in wide_stage.platform.wire.waiting(UPKEEP)
    assert spread_all(wide_stage.platform) == []
    brought = wide_stage.platform.builds.image(image.id)
    assert brought is not None
    assert brought.digest in wide_stage.engine.world.registry
    assert not unregistered(wide_stage.platform)


def test_a_pull_that_fails_waits_for_the_sweep(wide_stage: Stage) -> None:
    wide_stage.deployed()
    forget_image(wide_stage)
    scale(wide_stage.now(), {"web": 3}, "ana", wide_stage.platform, time.time())
    wide_stage.converges()
    wide_stage.engine.world.lose_registry()
    (image,) = wide_stage.platform.builds.images(wide_stage.app.id)
    before = wide_stage.now().wake

    spread(image.id, wide_stage.platform)

    assert wide_stage.now().wake == before


@pytest.mark.alone
def test_a_hundred_containers_on_ten_hosts_are_started_in_batches_and_counted(
    settings: Settings, record: Database, redis_server: Path
) -> None:
    settings.redis_socket.symlink_to(redis_server)
    stage = Stage.set_up(settings, *(f"h{number}" for number in range(1, 11)))
    for host in stage.hosts:
        stage.platform.hosts.note(host, memory_mb=8 * 1024)
    stage.deployed()
    change = scale(stage.now(), {"web": 100}, "ana", stage.platform, time.time())
    begun = time.time()
    told = []

    while len(stage.served()) < 100:
        lease = stage.platform.leases.take(stage.app.id, "worker", time.time())
        assert lease is not None
        step(lease, stage.platform)
        stage.platform.leases.drop(lease)
        stage.acknowledges()
        assert len(stage.rows(STARTING)) <= STARTS_AT_ONCE
        told.append(outlook(stage.app.id, change.version, stage.platform, begun).text)
        stage.comes_up()

    assert Counter(row.host for row in stage.rows(UP)) == dict.fromkeys(stage.hosts, 10)
    counts = [int(text.split(" of 100 up")[0]) for text in told if " of 100 up" in text]
    assert counts == sorted(counts)
    assert len(counts) >= 100 // STARTS_AT_ONCE
    stage.platform.threads.shutdown()
    stage.platform.record.close()


def test_what_is_drained_serves_until_another_does(wide_stage: Stage) -> None:
    spread_over(wide_stage)
    leaving = on("h2", wide_stage)

    wide_stage.platform.hosts.note("h2", schedulable=str(Schedulable.DRAINING))
    wide_stage.platform.apps.touch(wide_stage.app.id)
    wide_stage.converges()

    assert leaving.id in {backend.container for backend in wide_stage.route().backends}
    (new,) = wide_stage.rows(STARTING)
    assert (new.dyno, new.host == "h2") == (leaving.dyno, False)
    wide_stage.comes_up()
    wide_stage.converges()
    assert wide_stage.served() == ["web.1", "web.2", "web.3"]
    assert wide_stage.engine.list("h2") == []


def test_what_is_drained_and_fits_nowhere_else_stays(wide_stage: Stage) -> None:
    spread_over(wide_stage)
    for host in ("h1", "h3"):
        wide_stage.platform.hosts.note(host, memory_mb=700)

    wide_stage.platform.hosts.note("h2", schedulable=str(Schedulable.DRAINING))
    wide_stage.platform.apps.touch(wide_stage.app.id)
    wide_stage.converges()

    assert wide_stage.served() == ["web.1", "web.2", "web.3"]
    assert "No host can take" in (wide_stage.now().blocked or "")
    wide_stage.platform.hosts.note("h2", schedulable=str(Schedulable.OPEN))
    wide_stage.platform.apps.touch(wide_stage.app.id)
    wide_stage.converges()
    assert wide_stage.now().blocked is None


def test_where_the_image_is_missing_it_is_pulled_first(wide_stage: Stage) -> None:
    wide_stage.deployed()
    has_it = forget_image(wide_stage)
    change = scale(wide_stage.now(), {"web": 3}, "ana", wide_stage.platform, time.time())
    wide_stage.converges()

    waiting = wide_stage.rows(PULLING)
    assert {row.host for row in waiting} == {"h1", "h2", "h3"} - {has_it}
    told = outlook(wide_stage.app.id, change.version, wide_stage.platform, time.time())
    assert told.state is OutlookState.WAITING
    assert "pulling" in told.text
    (image,) = wide_stage.platform.builds.images(wide_stage.app.id)
    spread(image.id, wide_stage.platform)
    settles(wide_stage)

    assert wide_stage.served() == ["web.1", "web.2", "web.3"]
    assert {row.host for row in wide_stage.rows(UP)} == {"h1", "h2", "h3"}


def test_an_image_that_does_not_come_says_why_and_is_given_up_in_time(wide_stage: Stage) -> None:
    wide_stage.deployed()
    forget_image(wide_stage)
    scale(wide_stage.now(), {"web": 3}, "ana", wide_stage.platform, time.time())
    wide_stage.converges()
    wide_stage.engine.world.lose_registry()

    (image,) = wide_stage.platform.builds.images(wide_stage.app.id)
    spread(image.id, wide_stage.platform)

    waiting = wide_stage.rows(PULLING)
    assert all("registry" in (row.reason or "") for row in waiting)
    for row in waiting:
        wide_stage.platform.containers.note(row.id, deadline=time.time() - 1)
    wide_stage.converges(1)
    crashed = wide_stage.rows(CRASHED)
    assert {row.id for row in crashed} == {row.id for row in waiting}
    assert all("its image could not be had on host" in (row.reason or "") for row in crashed)


def test_a_destroyed_app_is_forgotten_when_no_host_has_its_image(wide_stage: Stage) -> None:
    wide_stage.deployed()
    wide_stage.platform.buildpacks.put(wide_stage.app.id, [Buildpack.parse("python")])
    away = min({"h1", "h2", "h3"} - {wide_stage.row("web.1").host})
    wide_stage.is_seen(away, HostHealth.SUSPECT)
    destroy(wide_stage.app, "ana", wide_stage.platform, time.time())
    wide_stage.converges()

    forget(wide_stage.now(), wide_stage.platform, time.time())

    (image,) = wide_stage.platform.builds.images(wide_stage.app.id)
    assert image.where == {away: IMAGE}
    wide_stage.is_seen(away, HostHealth.UP)
    forget(wide_stage.now(), wide_stage.platform, time.time())
    with pytest.raises(UnknownApp):
        wide_stage.now()
    assert wide_stage.platform.buildpacks.of(wide_stage.app.id) == []


def forget_image(stage: Stage) -> str:
    """Only the host that runs web.1, whose name it returns, and the registry have it by now."""
    (image,) = stage.platform.builds.images(stage.app.id)
    first = stage.row("web.1").host
    digest = stage.engine.push(first, IMAGE, "paas/shop", "v1")
    stage.platform.builds.publish_image(image.id, digest)
    for host in stage.hosts:
        if host != first:
            stage.platform.builds.place_image(image.id, host, None)
            del stage.engine.world.machines[host].images[IMAGE]
    return first
