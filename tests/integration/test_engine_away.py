"""An engine that does not answer: what it runs is unknown, not gone. Apps are served, and nothing is lost."""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.engine_proxy import EngineProxy
from tests.integration.installation import Installation
from tests.integration.load import Load
from tests.integration.user import User


@pytest.fixture(scope="module")
def proxy() -> Iterator[EngineProxy]:
    with tempfile.TemporaryDirectory(prefix="paas-proxy-") as folder:
        proxy = EngineProxy(Path(folder) / "engine.sock")
        yield proxy
        proxy.close()


@pytest.fixture(scope="module")
def house(the_stack: None, proxy: EngineProxy) -> Iterator[Installation]:
    yield from running_installation(engine=proxy.url)


@pytest.fixture(scope="module")
def gina(house: Installation) -> Iterator[User]:
    """Has an app that is served, and one that counts aloud."""
    gina = house.welcomes("gina", is_admin=True)
    gina.deployed("python-web", "shop")
    gina.deployed("worker-only", "clock")
    gina.types("paas scale worker=1 -a clock")
    yield gina
    gina.leaves()


@pytest.fixture(autouse=True)
def healed(proxy: EngineProxy) -> Iterator[None]:
    yield
    proxy.heal()


@pytest.fixture
def load(gina: User) -> Iterator[Load]:
    with Load(gina.http_port, "shop", slow=0, is_idempotent=True) as load:
        yield load


def ticks(gina: User) -> list[int]:
    text = gina.types("paas logs -n 1500 --ps worker -a clock").out
    return [int(number) for number in re.findall(r"app\[worker\.1\]: tick (\d+)", text)]


def test_apps_are_served_and_what_is_known_is_told(
    house: Installation, gina: User, proxy: EngineProxy, load: Load
) -> None:
    before = {row.id for row in house.platform.containers.live()}
    load.goes_on()

    proxy.cut()
    load.goes_on(3)
    listed = gina.types("paas ps -a shop")
    doctor = gina.types("paas doctor")

    assert not load.failures, load.report
    assert listed.code == 0 and "web.1: up" in listed.out
    assert doctor.code == 1 and "engine" in doctor.out
    assert {row.id for row in house.platform.containers.live()} == before


def test_a_push_says_that_the_engine_is_away_and_changes_nothing(
    gina: User, proxy: EngineProxy
) -> None:
    proxy.cut()

    push = gina.pushes(None, to="shop", files={"new.txt": "new"})
    proxy.heal()

    assert push.rejected
    assert "The engine of host local does not answer" in push.output
    assert gina.visits("shop").json()["release"] == "v1"
    assert gina.types("paas releases -a shop").out.count("\n") == 1


def test_what_is_changed_meanwhile_goes_live_when_the_engine_is_back(
    gina: User, proxy: EngineProxy, load: Load
) -> None:
    load.goes_on()
    proxy.cut()
    waiting = gina.begins("paas scale web=3 -a shop")
    load.goes_on(3)
    assert waiting.poll() is None

    proxy.heal()

    output, _ = waiting.communicate(timeout=90)
    assert waiting.returncode == 0, output
    eventually(lambda: len(load.containers()) == 3, within=10)
    assert not load.failures, load.report
    assert gina.types("paas scale web=1 -a shop").code == 0


def test_no_line_of_a_log_is_lost_or_told_twice(gina: User, proxy: EngineProxy) -> None:
    eventually(lambda: len(ticks(gina)) > 2, within=10)
    last = ticks(gina)[-1]

    proxy.cut()
    time.sleep(3)
    proxy.heal()

    eventually(lambda: ticks(gina)[-1] > last + 3, within=20)
    found = ticks(gina)
    assert found == list(range(1, found[-1] + 1))


def test_an_engine_that_hangs_is_as_one_that_is_away(
    gina: User, proxy: EngineProxy, load: Load
) -> None:
    load.goes_on()
    proxy.hang()

    listed = gina.types("paas ps -a shop")
    waiting = gina.begins("paas restart -a shop")
    load.goes_on(15)
    proxy.heal()

    assert listed.code == 0
    output, _ = waiting.communicate(timeout=90)
    assert waiting.returncode == 0, output
    assert not load.failures, load.report
