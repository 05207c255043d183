import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from paas.engine.docker_engine import DockerEngine
from paas.logs.collect import Collector
from paas.logs.spool import RequestLog, RouterSpool
from paas.logs.store import LogStore
from paas.model.container import (
    CRASHED,
    STARTING,
    STOPPING,
    UP,
    Container,
    ContainerSpec,
    ContainerState,
    Kind,
    container_name,
)
from paas.settings import Settings
from paas.store.apps import AppStore
from paas.store.containers import ContainerStore
from paas.store.database import Database
from paas.store.hosts import HostStore
from paas.subnet import free_subnet, routed
from tests.eventually import eventually
from tests.make import APP_ID, make_container, make_host

# A line is to be there a fifth of a second later.
pytestmark = [pytest.mark.docker, pytest.mark.alone]
COLLECTOR = """
import sys, time
from pathlib import Path
from paas.engine.docker_engine import DockerEngine
from paas.logs.collect import Collector
from paas.logs.spool import RequestLog, RouterSpool
from paas.logs.store import LogStore
from paas.settings import Settings
from paas.store.apps import AppStore
from paas.store.containers import ContainerStore
from paas.store.database import Database
from paas.store.hosts import HostStore

settings = Settings(directory=Path(sys.argv[1]), platform=sys.argv[2])
record = Database(settings.record)
engine = DockerEngine(settings.platform, settings.network, HostStore(record))
store = LogStore(settings.logs, settings.log_mb)
request_log = RequestLog(store, AppStore(record))
spool = RouterSpool(settings.router / "log", settings.logs / "router", request_log)
Collector(settings.platform, ContainerStore(record), engine, store, print, spool).start()
time.sleep(600)
"""


@dataclass
class Lab:
    """A record, a real engine and a log: all that a collector meets."""

    settings: Settings
    rows: ContainerStore
    engine: DockerEngine
    logs: LogStore

    def starts(self, script: str, number: int = 1, **fields: object) -> Container:
        row = make_container(number=number, **{"address": None, **fields})
        self.rows.add([row])
        name = container_name(self.settings.platform, row.id)
        self.engine.start("local", make_spec(name, script, is_restarted=row.kind is Kind.DYNO))
        return row

    def stops(self, row: Container, state: ContainerState = STOPPING) -> None:
        """As converge does: the row first, then the container."""
        if state is STOPPING:
            self.rows.move(row.id, ContainerState.RETIRING, time.time())
        self.rows.move(row.id, state, time.time())
        self.engine.stop("local", container_name(self.settings.platform, row.id), 1)

    def texts(self, dyno: str | None = None) -> list[str]:
        return [line.text for line in self.logs.tail(APP_ID, 100_000, dyno=dyno)[0]]

    def is_logged(self, row: Container) -> bool:
        found = self.rows.get(row.id)
        assert found
        return found.is_logged


def make_spec(name: str, script: str, *, is_restarted: bool) -> ContainerSpec:
    return ContainerSpec(
        name=name,
        image="paas/stack:run",
        labels={},
        hostname="web-1",
        env={},
        command=("sh", "-c", script),
        memory_mb=64,
        cpus=1.0,
        pids=32,
        is_restarted=is_restarted,
    )


@pytest.fixture
def lab(settings: Settings, record: Database) -> Iterator[Lab]:
    hosts = HostStore(record)
    hosts.add(make_host())
    engine = DockerEngine(settings.platform, settings.network, hosts)
    engine.network.make("local", str(free_subnet(routed(), random.Random())))
    yield Lab(settings, ContainerStore(record), engine, LogStore(settings.logs, settings.log_mb))
    for seen in engine.list("local"):
        engine.remove("local", seen.name)
    subprocess.run(["docker", "network", "rm", settings.network], check=True, capture_output=True)


@pytest.fixture
def heard() -> list[str]:
    """The apps whose converge was queued."""
    return []


@pytest.fixture
def collector(lab: Lab, record: Database, heard: list[str]) -> Iterator[Collector]:
    at = lab.settings
    request_log = RequestLog(lab.logs, AppStore(record))
    spool = RouterSpool(at.router / "log", at.logs / "router", request_log)
    collector = Collector(at.platform, lab.rows, lab.engine, lab.logs, heard.append, spool)
    collector.start()
    yield collector
    collector.stop()


def begin_collector(settings: Settings) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", COLLECTOR, f"{settings.directory}", settings.platform]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def kill(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def test_a_line_is_in_the_log_a_fifth_of_a_second_after_it_was_printed(
    lab: Lab, collector: Collector
) -> None:
    row = lab.starts("for i in 1 2 3; do sleep 2; echo here; echo there >&2; done; sleep 100")
    collector.follow(row)

    took = []
    for count in (2, 4, 6):
        eventually(partial(lambda count: len(lab.texts()) >= count, count), within=10)
        seen_at = time.time()
        line = lab.logs.tail(APP_ID, 2)[0][0]
        took.append(seen_at - line.at_ns / 1e9)

    assert Counter(lab.texts()) == Counter({"here": 3, "there": 3})
    assert (line.source, line.dyno, line.container) == ("app", "web.1", row.id)
    assert min(took) < 0.45  # the test itself looks each 0.25 s, and the machine may be busy once


def test_a_container_nobody_told_of_is_found_in_the_record(lab: Lab, collector: Collector) -> None:
    lab.starts("echo hello; sleep 100")

    eventually(lambda: lab.texts() == ["hello"], within=10)


def test_a_log_is_over_when_its_container_was_stopped(
    lab: Lab, collector: Collector, heard: list[str]
) -> None:
    row = lab.starts("trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.1; done")
    collector.follow(row)
    eventually(lambda: lab.texts() == ["hello"])
    assert not lab.is_logged(row)

    lab.stops(row)

    eventually(lambda: lab.is_logged(row))
    assert "bye" in lab.texts()
    assert heard == [APP_ID]


def test_a_container_that_the_engine_starts_again_is_followed_on(
    lab: Lab, collector: Collector
) -> None:
    row = lab.starts("echo once more; sleep 0.3; exit 1")
    collector.follow(row)

    eventually(lambda: len(lab.texts()) >= 4, within=20)
    assert not lab.is_logged(row)
    lab.stops(row, CRASHED)

    eventually(lambda: lab.is_logged(row), within=10)
    seen = lab.engine.inspect("local", container_name(lab.settings.platform, row.id))
    assert seen and len(lab.texts()) == seen.restarts + 1


def test_a_one_off_is_over_when_it_has_exited(lab: Lab, collector: Collector) -> None:
    row = lab.starts("echo done", kind=Kind.RUN)

    collector.follow(row)

    eventually(lambda: lab.is_logged(row))
    assert lab.texts() == ["done"]


def test_a_container_that_is_gone_has_no_log_left_to_read(lab: Lab, collector: Collector) -> None:
    row = make_container(state=UP)
    lab.rows.add([row])

    collector.follow(row)

    eventually(lambda: lab.is_logged(row))


def test_a_container_that_is_not_made_yet_is_waited_for(lab: Lab, collector: Collector) -> None:
    row = make_container(state=STARTING, address=None)
    lab.rows.add([row])
    collector.follow(row)
    time.sleep(1)
    assert not lab.is_logged(row)

    name = container_name(lab.settings.platform, row.id)
    lab.engine.start("local", make_spec(name, "echo hello; sleep 100", is_restarted=True))

    eventually(lambda: lab.texts() == ["hello"], within=5)


def test_a_host_that_does_not_answer_says_nothing_about_a_log(
    lab: Lab, collector: Collector
) -> None:
    hosts = lab.engine._hosts
    assert isinstance(hosts, HostStore)
    hosts.add(make_host("away", url=f"unix://{lab.settings.directory}/nobody"))
    row = make_container(state=STOPPING, host="away")
    lab.rows.add([row])

    collector.follow(row)
    time.sleep(1)

    assert not lab.is_logged(row)
    hosts.add(replace(hosts.get("local"), name="away"))
    eventually(lambda: lab.is_logged(row), within=10)


def test_a_collector_that_is_killed_loses_and_repeats_no_line(lab: Lab) -> None:
    # given a container that prints numbered lines on both streams, some at the same time
    count = 3000
    script = (
        f"i=0; while [ $i -lt {count} ]; do echo $i; i=$((i+1)); echo $i >&2; i=$((i+1)); "
        "[ $((i % 20)) -eq 0 ] && sleep 0.02; done; exec sleep 100"
    )
    row = lab.starts(script)

    # when its collector is killed again and again in mid-stream
    rng = random.Random(7)
    for _ in range(6):
        begun = len(lab.texts())
        process = begin_collector(lab.settings)
        eventually(lambda begun=begun: len(lab.texts()) > begun or begun == count, within=20)
        time.sleep(rng.uniform(0, 0.3))
        kill(process)
    process = begin_collector(lab.settings)
    eventually(lambda: len(lab.texts()) >= count, within=30)
    lab.stops(row)
    eventually(lambda: lab.is_logged(row), within=10)
    kill(process)

    # then every line is there once
    assert sorted(map(int, lab.texts())) == list(range(count))
    folder = Path(lab.settings.logs)
    assert len(list(folder.rglob("*.log"))) == 1


def test_a_burst_waits_for_the_writer_and_nothing_of_it_is_lost(
    lab: Lab, collector: Collector
) -> None:
    row = lab.starts("seq 1 20000; sleep 100")
    collector.follow(row)

    eventually(lambda: len(lab.texts()) == 20_000, within=30)

    assert list(map(int, lab.texts())) == list(range(1, 20_001))
    assert threading.active_count() < 20
