"""Half of all messages and of the engine's events never arrive: what is served is what runs, a sweep later at most."""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.daemon.start import wait_until_up
from paas.engine.engine import HostUnreachable
from paas.model.container import UP, container_name
from paas.scheduler.clock import SWEEP_SECONDS
from paas.supervision import Supervision
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.engine_proxy import ENGINE
from tests.integration.installation import Installation
from tests.integration.load import Load
from tests.integration.losing import LosingEngine, LosingRedis
from tests.integration.user import User

BOUND_SECONDS = SWEEP_SECONDS + 5
REQUESTS = 600
PROGRAMS = ("follower", "web", "watch", "workers")
"""Those that speak with Redis."""


@pytest.fixture(scope="module")
def engine() -> Iterator[LosingEngine]:
    with tempfile.TemporaryDirectory(prefix="paas-losing-") as folder:
        losing = LosingEngine(Path(folder) / "engine.sock", Path(ENGINE))
        yield losing
        losing.close()


@pytest.fixture(scope="module")
def house(the_stack: None, engine: LosingEngine) -> Iterator[Installation]:
    yield from running_installation(engine=engine.url)


@pytest.fixture(scope="module")
def redis(house: Installation) -> Iterator[LosingRedis]:
    """In Redis's place, for whoever connects from now on. At the end Redis is where it was."""
    path = house.settings.redis_socket
    real = path.rename(path.with_name("real.sock"))
    losing = LosingRedis(path, real)
    for name in PROGRAMS:
        Supervision(house.settings).restart(name)
    wait_until_up(house.settings)
    yield losing
    path.unlink()
    real.rename(path)
    losing.close()


@pytest.fixture(scope="module")
def ines(house: Installation, redis: LosingRedis) -> Iterator[User]:
    """Has an app that is served."""
    ines = house.welcomes("ines")
    ines.deployed("slow-request", "shop")
    yield ines
    ines.leaves()


def is_as_it_runs(house: Installation, count: int) -> bool:
    """So many, for the engine, in the record, in the table, and for every router."""
    platform = house.platform
    app = platform.apps.named("shop")
    try:
        seen = platform.engine.list("local")
    except HostUnreachable:  # it is busy
        return False
    running = {
        each.labels["paas.container"]
        for each in seen
        if each.labels.get("paas.app") == app.id and each.is_running
    }
    up = {row.id for row in platform.containers.of(app.id) if row.state is UP}
    route, newest = platform.routes.route(app.id), platform.routes.version()
    assert route is not None and newest is not None
    routed = {backend.container for backend in route.backends}
    applied = {ack.number for ack in platform.routes.acknowledgements().values()}
    assert (len(routed), len(running)) == (count, count), (routed, up, running)
    return routed == up == running and applied == {newest.number}


def scales(house: Installation, ines: User, count: int) -> float:
    """The seconds until it was so."""
    said = ines.types(f"paas scale web={count} --no-wait -a shop")
    assert said.code == 0, said.text
    return eventually(lambda: is_as_it_runs(house, count), within=4 * BOUND_SECONDS)


def test_the_table_is_what_runs_within_a_sweep(
    house: Installation, ines: User, engine: LosingEngine, redis: LosingRedis
) -> None:
    with Load(ines.http_port, "shop", slow=0, is_idempotent=True) as load:
        load.goes_on()
        took = {count: scales(house, ines, count) for count in (4, 1, 3)}

    assert max(took.values()) < BOUND_SECONDS, took
    assert not load.failures, load.report
    assert "event" in engine.lost and "message" in redis.lost


def test_and_a_lost_job_costs_one_sweep_more(
    house: Installation, ines: User, redis: LosingRedis
) -> None:
    redis.loses_jobs = True
    try:
        for count in (3, 1):
            before = redis.lost.count("job")
            took = scales(house, ines, count)
            lost = redis.lost.count("job") - before
            assert took < BOUND_SECONDS + SWEEP_SECONDS * lost, lost
    finally:
        redis.loses_jobs = False


def test_what_is_gone_and_named_all_the_same_fails_no_request(
    house: Installation, ines: User
) -> None:
    """Three of five, and nobody is told."""
    scales(house, ines, 5)
    platform, supervision = house.platform, Supervision(house.settings)
    app = platform.apps.named("shop").id
    rows = [row for row in platform.containers.of(app) if row.state is UP]
    with Load(ines.http_port, "shop", slow=0, is_idempotent=True) as load:
        load.goes_on()
        supervision.stop(["watch"])
        for row in rows[:3]:
            platform.engine.remove(row.host, container_name(house.settings.platform, row.id))
        gone = time.time()
        eventually(lambda: len(load.since(gone)) >= REQUESTS, within=60)
        named, answered = platform.routes.route(app), load.containers(gone)
        supervision.restart("watch")
        eventually(lambda: is_as_it_runs(house, 5), within=4 * BOUND_SECONDS)
        load.goes_on()

    assert named is not None
    assert {backend.container for backend in named.backends} == {row.id for row in rows}
    assert answered == {row.id for row in rows[3:]}
    assert not load.failures, load.report


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_so_it_is_for_fifty_changes(house: Installation, ines: User) -> None:
    rng, took = random.Random(), []
    with Load(ines.http_port, "shop", slow=0, is_idempotent=True) as load:
        for _ in range(50):
            took.append(scales(house, ines, rng.choice([1, 2, 5, 10])))
            time.sleep(rng.random())

    assert max(took) < BOUND_SECONDS, took
    assert not load.failures, load.report
