"""A host that answers, one that is silent, and one of which nothing answers any more."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from paas.engine.engine import HostUnreachable
from paas.hosts.drain import drain
from paas.model.host import Host, HostHealth, Schedulable
from paas.scheduler.health import CONNECT_SECONDS, CONTAINERS_ASKED, Health
from paas.scheduler.scale import scale
from paas.settings import Settings
from paas.store.database import Database
from tests.unit.scheduler.stage import Stage

SILENT = HostUnreachable("h2", "connection refused")


@pytest.fixture
def quick(wide_stage: Stage) -> Stage:
    """Suspect after 0.1 s, down after 0.8 s."""
    settings = replace(wide_stage.platform.settings, suspect_seconds=0.1, down_seconds=0.8)
    wide_stage.platform = replace(wide_stage.platform, settings=settings)
    return wide_stage


@pytest.fixture
def sshd() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def silent_ports() -> Iterator[Sequence[int]]:
    """Nobody takes a connection there, and nobody refuses one: their queues are full."""
    with ExitStack() as held:
        ports = []
        for _ in range(CONTAINERS_ASKED):
            listener = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            held.enter_context(socket.create_connection(listener.getsockname()))
            ports.append(listener.getsockname()[1])
        yield ports


def of(host: str, stage: Stage) -> Host:
    return stage.platform.hosts.get(host)


def is_heard(host: str, stage: Stage) -> None:
    """More than a sweep after the others."""
    stage.platform.hosts.note(host, seen_at=time.time() + 30)


def has_sshd(host: str, port: int, stage: Stage) -> None:
    stage.platform.hosts.note(host, ssh_url=f"ssh://paas@127.0.0.1:{port}")


def falls_silent(health: Health, stage: Stage, seconds: float = 0.0, host: str = "h2") -> Host:
    time.sleep(seconds)
    health.doubt(SILENT)
    return of(host, stage)


def test_a_host_is_suspect_after_a_while_and_down_only_later(quick: Stage) -> None:
    quick.deployed()
    is_heard("h1", quick)
    is_heard("h3", quick)
    health = Health("h2", quick.platform)
    health.check()

    suspect = falls_silent(health, quick, 0.15)
    assert (suspect.health, suspect.health_reason) == (HostHealth.SUSPECT, str(SILENT))
    down = falls_silent(health, quick, 0.8)
    assert down.health is HostHealth.DOWN
    assert down.health_since > suspect.health_since
    assert (down.health_reason or "").endswith("Nor does sshd, nor any container there.")


def test_what_a_person_has_given_up_is_not_up_because_it_answers(quick: Stage) -> None:
    reason = "given up by ana: it was drained by force"
    quick.platform.hosts.note(
        "h2", health=str(HostHealth.DOWN), health_reason=reason, given_up_by="ana"
    )

    Health("h2", quick.platform).check()

    assert (of("h2", quick).health, of("h2", quick).health_reason) == (HostHealth.DOWN, reason)


@pytest.mark.parametrize("on_its_way", [Schedulable.JOINING, Schedulable.LEAVING])
def test_nothing_is_put_on_a_host_that_is_on_its_way_in_or_out(
    quick: Stage, on_its_way: Schedulable
) -> None:
    quick.platform.hosts.note("h2", schedulable=str(on_its_way))
    quick.engine.world.lose("h2")  # to ask it would be an error

    Health("h2", quick.platform).check()


def test_where_sshd_answers_it_is_never_down(quick: Stage, sshd: socket.socket) -> None:
    has_sshd("h2", sshd.getsockname()[1], quick)
    health = Health("h2", quick.platform)

    host = falls_silent(health, quick, 0.15)
    host = falls_silent(health, quick, 0.35)

    assert host.health is HostHealth.SUSPECT
    assert (host.health_reason or "").endswith("But sshd answers.")
    assert (host.reached_at or 0) > time.time() - 0.2


def test_where_a_container_answers_it_is_never_down(quick: Stage, sshd: socket.socket) -> None:
    quick.deployed()
    row = quick.row("web.1")
    quick.platform.containers.note(row.id, host="h2", published=sshd.getsockname()[1])
    health = Health("h2", quick.platform)

    host = falls_silent(health, quick, 0.9)

    assert host.health is HostHealth.SUSPECT
    assert (host.health_reason or "").endswith("But web.1 answers.")


def test_a_host_with_many_containers_is_not_asked_longer_than_one(
    quick: Stage, silent_ports: Sequence[int]
) -> None:
    quick.deployed()
    scale(quick.now(), {"web": CONTAINERS_ASKED}, "ana", quick.platform, time.time())
    quick.converges()
    quick.comes_up()
    for number, port in enumerate(silent_ports, 1):
        row = quick.row(f"web.{number}")
        quick.platform.containers.note(row.id, host="h2", published=port)
    is_heard("h1", quick)
    is_heard("h3", quick)
    health = Health("h2", quick.platform)
    time.sleep(0.9)

    begin = time.monotonic()
    host = falls_silent(health, quick)

    assert CONNECT_SECONDS <= time.monotonic() - begin < CONTAINERS_ASKED * CONNECT_SECONDS
    assert host.health is HostHealth.DOWN


def test_when_many_are_silent_at_once_nothing_is_moved(quick: Stage) -> None:
    is_heard("h1", quick)
    healths = [Health(name, quick.platform) for name in ("h2", "h3")]
    for name, health in zip(("h2", "h3"), healths, strict=True):
        falls_silent(health, quick, 0.15, name)

    hosts = [falls_silent(health, quick, 0.8) for health in healths]

    assert {host.health for host in hosts} == {HostHealth.SUSPECT}
    reason = of("h2", quick).health_reason or ""
    assert reason.endswith("Nothing is moved: 2 of 3 hosts are silent at once.")


def test_one_that_was_not_heard_since_may_be_as_silent(quick: Stage) -> None:
    Health("h1", quick.platform).check()
    Health("h3", quick.platform).check()
    health = Health("h2", quick.platform)
    health.check()

    assert falls_silent(health, quick, 0.9).health is HostHealth.SUSPECT
    is_heard("h1", quick)
    is_heard("h3", quick)
    assert falls_silent(health, quick).health is HostHealth.DOWN


def test_where_there_is_no_other_host_nothing_is_moved(quick: Stage) -> None:
    quick.platform.hosts.note("h1", schedulable=str(Schedulable.DRAINING))
    quick.platform.hosts.remove("h3")
    health = Health("h2", quick.platform)

    host = falls_silent(health, quick, 0.9)

    assert host.health is HostHealth.SUSPECT
    assert (host.health_reason or "").endswith("Nothing is moved: no other host is ready.")


def test_a_watch_that_was_away_itself_does_not_take_the_time_for_silence(wide_stage: Stage) -> None:
    wide_stage.platform.hosts.note("h2", seen_at=time.time() - 3600, reached_at=time.time() - 3600)

    assert falls_silent(Health("h2", wide_stage.platform), wide_stage).health is HostHealth.UP


def test_a_host_that_was_heard_a_moment_ago_is_up(wide_stage: Stage) -> None:
    health = Health("h2", wide_stage.platform)
    health.check()

    assert falls_silent(health, wide_stage).health is HostHealth.UP


def test_what_a_person_gave_up_meanwhile_stays_given_up(quick: Stage) -> None:
    health = Health("h2", quick.platform)
    seen = of("h2", quick)
    drain("h2", "ana", quick.platform, time.time(), is_forced=True)

    health._note(seen, HostHealth.SUSPECT, str(SILENT))

    assert of("h2", quick).health is HostHealth.DOWN


def test_one_that_comes_back_is_up_when_a_container_of_it_is_reached(quick: Stage) -> None:
    is_heard("h1", quick)
    is_heard("h3", quick)
    health = Health("h2", quick.platform)
    falls_silent(health, quick, 0.15)
    falls_silent(health, quick, 0.8)
    quick.engine.world.close("h2")

    with pytest.raises(HostUnreachable, match="probe container"):
        health.prepare()
    assert of("h2", quick).health is HostHealth.DOWN
    quick.engine.world.heal("h2")
    health.prepare()

    host = of("h2", quick)
    assert (host.health, host.health_reason) == (HostHealth.UP, None)


@pytest.mark.parametrize(("hosts", "bounds"), [(("local",), (3000, 1.5)), (("h1", "h2"), None)])
def test_builds_are_bounded_on_the_platforms_own_machine_alone(
    settings: Settings, record: Database, hosts: Sequence[str], bounds: tuple[int, float] | None
) -> None:
    limits = replace(settings, build_memory_mb=1000, build_workers=3, cpus=0.5)
    stage = Stage.set_up(limits, *hosts)

    Health(hosts[0], stage.platform).prepare()

    assert stage.engine.world.machines[hosts[0]].build_bounds == bounds
    stage.platform.record.close()
    stage.platform.threads.shutdown()
