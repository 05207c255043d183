import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from paas.daemon.run import take_lock
from paas.daemon.start import what_is_wrong
from paas.daemon.watch import looks_at_redis
from paas.doctor import FACT, examine, examine_without_worker
from paas.engine.trial import REACHED
from paas.model.finding import Examination, Finding, FindingState
from paas.model.host import HostHealth, Schedulable
from paas.model.route import RouterStatus, Version
from paas.running import pid_file
from paas.wiring import Platform
from tests.engine import IMAGE, Does, Machine, MemoryEngine
from tests.make import make_host

OK, WARN, RED = FindingState
NOTE = "import sys; from pathlib import Path; from paas.settings import Settings; from paas.running import note_self"


@pytest.fixture(autouse=True)
def folders(platform: Platform) -> None:
    (platform.settings.run / "pids").mkdir(parents=True)
    (platform.settings.run / "lock").touch()


def finding(found: Examination, name: str) -> Finding:
    return next(each for each in found.findings if each.name == name)


@contextmanager
def program(platform: Platform, name: str) -> Iterator[None]:
    """A process that is noted as the program of that name."""
    code = f"{NOTE}; note_self(Settings.load(Path(sys.argv[1])), sys.argv[2]); sys.stdin.read()"
    platform.settings.write()
    argv = [sys.executable, "-c", code, str(platform.settings.directory), name]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        while not pid_file(platform.settings, name).exists():
            time.sleep(0.01)
        yield
        process.kill()


def memory(platform: Platform) -> MemoryEngine:
    assert isinstance(platform.engine, MemoryEngine)
    return platform.engine


def test_an_examination_is_kept_for_whoever_asks(platform: Platform) -> None:
    examine(platform)

    kept = platform.routers.fact(FACT)
    assert kept is not None
    assert Examination.load(kept).at == pytest.approx(time.time(), abs=30)


def test_a_program_that_runs_and_one_that_does_not_are_told_apart(platform: Platform) -> None:
    pid_file(platform.settings, "watch").write_text("4000000 1\n")

    with program(platform, "web"):
        found = examine(platform)

    assert finding(found, "process web").state is OK
    assert finding(found, "process watch").state is RED
    assert "paasd status" in finding(found, "process watch").next


def test_a_platform_without_a_supervisor_is_red(platform: Platform) -> None:
    lock = take_lock(platform.settings)
    assert finding(examine(platform), "supervisor").state is OK

    os.close(lock)

    assert finding(examine(platform), "supervisor").state is RED


def test_a_redis_that_forgets_is_red(platform: Platform) -> None:
    platform.redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = examine(platform)
    finally:
        platform.redis.config_set("maxmemory-policy", "noeviction")

    assert finding(found, "redis policy").state is RED
    assert "allkeys-lru" in finding(found, "redis policy").text


def test_a_redis_without_a_limit_is_red(platform: Platform) -> None:
    assert finding(examine(platform), "redis memory").state is RED

    platform.redis.config_set("maxmemory", "256mb")
    try:
        assert finding(examine(platform), "redis memory").state is OK
    finally:
        platform.redis.config_set("maxmemory", "0")


def test_a_start_says_what_is_wrong_with_redis(platform: Platform) -> None:
    directory = platform.settings.directory

    assert list(what_is_wrong(platform.settings)) == [
        f"redis policy: keeps nothing over a restart (appendonly is off). "
        f"Next: paasd stop {directory}, then paasd run {directory}",
        f"redis memory: has no limit: it may take the whole machine's. "
        f"Next: paasd stop {directory}, then paasd run {directory}",
    ]


def test_a_redis_that_comes_late_is_looked_at_when_it_is_there(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    socket, real = platform.settings.redis_socket, platform.settings.redis_socket.readlink()
    socket.unlink()
    assert not looks_at_redis(platform.settings)

    socket.symlink_to(real)

    assert looks_at_redis(platform.settings)
    assert "appendonly is off" in caplog.text


def test_what_is_needed_of_the_machine_is_looked_for(platform: Platform) -> None:
    assert finding(examine(platform), "programs").state is OK


def acknowledge(platform: Platform, version: Version, **status: object) -> None:
    known = RouterStatus(haproxy="2.6.12", slots=256, slots_free=200)
    status_now = RouterStatus(**{**{k: getattr(known, k) for k in known.__annotations__}, **status})  # type: ignore[arg-type]
    platform.routes.acknowledge("local", version, {}, status_now, time.time())


def test_a_router_with_the_newest_table_is_well(platform: Platform) -> None:
    acknowledge(platform, platform.routes.fill([], {}))

    assert finding(examine(platform), "router local").state is OK


def test_a_router_that_is_silent_is_red_and_can_be_removed(platform: Platform) -> None:
    platform.routes.fill([], {})

    silent = finding(examine(platform), "router local")

    assert silent.state is RED
    assert "paas routers:remove local" in silent.next


@pytest.mark.parametrize(
    ("status", "state"), [({"haproxy": ""}, RED), ({"drift": 3}, WARN), ({"slots_free": 2}, WARN)]
)
def test_what_is_wrong_with_a_router_is_told(
    platform: Platform, status: dict[str, object], state: FindingState
) -> None:
    acknowledge(platform, platform.routes.fill([], {}), **status)

    assert finding(examine(platform), "router local").state is state


def test_a_router_behind_the_table_is_told(platform: Platform) -> None:
    version = platform.routes.fill([], {})
    acknowledge(platform, Version(version.epoch, version.number - 5))

    behind = finding(examine(platform), "router local")

    assert (behind.state, "by 5" in behind.text) == (WARN, True)


def test_a_container_that_reaches_its_host_is_red(platform: Platform) -> None:
    memory(platform).behave = lambda _: Does(exits=REACHED)
    settings = replace(platform.settings, stack_run=IMAGE)

    found = finding(examine(replace(platform, settings=settings)), "container on local")

    assert found.state is RED
    assert "packet filter is not there" in found.text


def test_a_container_that_starts_and_cannot_reach_its_host_is_well(platform: Platform) -> None:
    memory(platform).behave = lambda _: Does(exits=0)
    settings = replace(platform.settings, stack_run=IMAGE)

    found = finding(examine(replace(platform, settings=settings)), "container on local")

    assert found.state is OK
    assert memory(platform).list("local") == []


@pytest.mark.parametrize(
    ("is_bounded", "state", "said"),
    [
        (True, OK, "each has 1800 s and a bounded output; all together 4096 MB and 4 CPUs."),
        (False, WARN, "memory, CPU, disk and processes are not bounded on this engine"),
    ],
)
def test_what_is_not_bounded_of_dockerfile_builds_is_told(
    platform: Platform, is_bounded: bool, state: FindingState, said: str
) -> None:
    memory(platform).world.machines["local"].bounds_builds = is_bounded

    found = finding(examine(platform), "dockerfile builds")

    assert found.state is state
    assert said in found.text


def test_an_engine_that_is_away_is_red_and_the_rest_is_examined(platform: Platform) -> None:
    memory(platform).world.lose("local")

    found = examine(platform)

    reds = [each for each in found.findings if each.state is RED]
    assert any("does not answer" in each.text and each.next == "docker info" for each in reds)
    assert finding(found, "redis policy")


def test_a_clock_that_went_back_is_red(platform: Platform) -> None:
    platform.hosts.note("local", seen_at=time.time() + 600)

    assert finding(examine(platform), "clock").state is RED


def test_every_red_finding_says_what_to_type(platform: Platform) -> None:
    memory(platform).world.lose("local")
    pid_file(platform.settings, "watch").write_text("4000000 1\n")

    found = examine(platform)

    assert all(each.next for each in found.findings if each.state is RED)


def test_without_redis_the_rest_is_examined(platform: Platform) -> None:
    platform.redis.close()
    platform.settings.redis_socket.unlink()

    found = examine_without_worker(platform)

    assert finding(found, "redis").state is RED
    assert finding(found, "queue").state is RED
    assert finding(found, "host local").state is OK


def test_each_host_has_a_line_and_one_that_is_silent_is_not_asked(platform: Platform) -> None:
    memory(platform).world.machines |= {name: Machine(name) for name in ("h2", "h3", "h4")}
    memory(platform).world.lose("h2")
    platform.hosts.add(make_host("h2", health=HostHealth.DOWN, health_reason="Nothing answers."))
    platform.hosts.add(make_host("h3", schedulable=Schedulable.DRAINING))
    platform.hosts.add(make_host("h4", schedulable=Schedulable.JOINING))

    found = examine(platform)

    lines = {each.name: each for each in found.findings}
    assert (lines["host h2"].state, "paas hosts:remove h2 --lost" in lines["host h2"].next) == (
        RED,
        True,
    )
    assert lines["host h2"].text == "down: Nothing answers; seen never"
    assert (lines["host h3"].state, lines["host h3"].text) == (OK, "up, draining, seen never")
    assert lines["host h4"].state is WARN
    assert lines["engine of h3"].state is OK
    assert lines["container on h3"].state is OK
    assert not {"engine of h2", "container on h2", "engine of h4"} & lines.keys()


def test_a_host_whose_containers_do_not_answer_is_red(platform: Platform) -> None:
    memory(platform).world.machines["h2"] = Machine("h2")
    memory(platform).world.close("h2")
    platform.hosts.add(make_host("h2"))

    assert finding(examine(platform), "container on h2").state is RED


def test_a_worker_that_registers_a_host_is_not_away(platform: Platform) -> None:
    platform.hosts.add(make_host("h2", schedulable=Schedulable.JOINING))

    assert finding(examine_without_worker(platform), "queue").state is WARN
