"""The power of every machine goes at once and comes back in whatever order: the same containers serve."""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from paas.model.host import HostHealth
from tests.eventually import eventually
from tests.integration.load import Load
from tests.integration.user import User
from tests.multihost.fleet import APP, Fleet

OTHER = "cafe"
BOUND_SECONDS = 60
"""After the last engine is up."""
APART_SECONDS = 4.0
"""Between the first machine that is switched on and the last; in the soak ten times that."""
AS_IT_COMES = {"suspect_seconds": 30.0, "down_seconds": 90.0}
LOG = logging.getLogger(__name__)


@pytest.fixture
def patient(fleet: Fleet, user: User) -> Iterator[User]:
    """Has a second app. From the next start on a host is waited for as long as it is by default."""
    user.deployed("slow-request", OTHER)
    said = user.types(f"paas scale web=2 -a {OTHER}")
    assert said.code == 0, said.text
    settings, installation = fleet.installation.settings, fleet.installation
    replace(settings, **AS_IT_COMES).write()
    yield user
    settings.write()
    installation.stop()
    installation.run()


@contextmanager
def strangers(user: User) -> Iterator[Counter[int]]:
    """Somebody asks for a host that nobody has, all the time: how often they got which answer. 0: none."""
    answers, is_over = Counter[int](), threading.Event()

    def ask() -> None:
        while not is_over.wait(0.05):
            try:
                answers[user.visits(APP, host="nobody.localhost").status_code] += 1
            except httpx.TransportError:
                answers[0] += 1

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        is_over.set()
        thread.join()


def switch_on(fleet: Fleet, apart: float) -> float:
    """All machines, each at a moment of its own. When the last engine was up."""
    seed = random.randrange(10**6)
    rng, platform = random.Random(seed), "platform"
    moments = {name: rng.uniform(0, apart) for name in (*fleet.hosts, platform)}
    LOG.warning("seed %s: %s", seed, sorted(moments.items(), key=lambda one: one[1]))

    def boot(name: str) -> float:
        time.sleep(moments[name])
        if name == platform:
            fleet.installation.run()
            return 0.0
        fleet.boots(name)
        return time.time()

    with ThreadPoolExecutor(len(moments)) as threads:
        return max(threads.map(boot, moments))


def is_served(user: User, app: str, count: int) -> bool:
    """By so many, for a while, without one failure."""
    with Load(user.http_port, app) as load:
        load.goes_on(1)
    return not load.failures and len(load.containers()) == count


def power_cycle(fleet: Fleet, user: User, apart: float) -> None:
    before = {app: {row.id for row in fleet.rows(app)} for app in (APP, OTHER)}
    made, (epoch, routes) = fleet.made(), fleet.told()
    with (
        Load(user.http_port, APP) as shop,
        Load(user.http_port, OTHER) as cafe,
        strangers(user) as answers,
    ):
        shop.goes_on()
        with ThreadPoolExecutor(len(fleet.hosts)) as threads:
            threads.map(fleet.dies, fleet.hosts)
            fleet.installation.loses_power()
        up = switch_on(fleet, apart)
        left = BOUND_SECONDS - (time.time() - up)
        eventually(lambda: is_served(user, APP, 3) and is_served(user, OTHER, 2), within=left)
        eventually(
            lambda: {fleet.health(name) for name in fleet.hosts} == {HostHealth.UP}, within=60
        )
        eventually(lambda: fleet.made() == made, within=30)
        shop.goes_on(3)
        served = time.time() - 2

    assert {app: {row.id for row in fleet.rows(app)} for app in before} == before
    assert (shop.containers(served), cafe.containers(served)) == (before[APP], before[OTHER])
    wrong = [one for load in (shop, cafe) for one in load.failures if "answered" in one.what]
    late = [one for load in (shop, cafe) for one in load.failures if one.began > served]
    assert not wrong + late, "\n".join(map(str, wrong + late))
    assert answers.keys() <= {0, 404} and answers[404], answers
    assert fleet.told() == (epoch, routes)


def test_after_a_cold_boot_of_everything_the_same_containers_serve(
    fleet: Fleet, patient: User
) -> None:
    power_cycle(fleet, patient, APART_SECONDS)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_so_it_is_for_ten_cold_boots(fleet: Fleet, patient: User) -> None:
    for _ in range(10):
        power_cycle(fleet, patient, 10 * APART_SECONDS)
