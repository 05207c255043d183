"""Redis is the wire and not the record: without it nothing stops, and what it forgot is put back."""

from collections.abc import Iterator

import pytest

from paas.supervision import Supervision
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation
from tests.integration.load import Load, Talk
from tests.integration.user import User

REDIS = "redis"


@pytest.fixture(scope="module")
def house(the_stack: None) -> Iterator[Installation]:
    """Redis runs again when a test is over."""
    yield from running_installation()


@pytest.fixture(scope="module")
def dora(house: Installation) -> Iterator[User]:
    """Has an app that is served, and one that talks."""
    dora = house.welcomes("dora", is_admin=True)
    dora.deployed("python-web", "shop")
    dora.deployed("websocket-echo", "echo")
    yield dora
    dora.leaves()


@pytest.fixture
def load(dora: User) -> Iterator[Load]:
    with Load(dora.http_port, "shop", slow=0, is_idempotent=True) as load:
        yield load


def rows(house: Installation) -> set[str]:
    return {row.id for row in house.platform.containers.live()}


def test_an_emptied_redis_is_refilled_and_nothing_is_touched(
    house: Installation, dora: User, load: Load
) -> None:
    before = rows(house)
    with Talk(dora.http_port, "echo") as talk:
        load.goes_on()
        eventually(lambda: talk.said)

        house.platform.redis.flushall()
        eventually(lambda: len(house.platform.routes.snapshot().routes) == 2, within=30)
        load.goes_on(2)
        said = talk.said
        eventually(lambda: talk.said > said)

    assert not load.failures, load.report
    assert talk.failure is None
    assert rows(house) == before
    assert len(load.containers()) == 1
    changed = dora.types("paas config:set EMPTIED=yes -a shop")
    assert changed.code == 0, changed.text
    assert load.failures == []


def test_without_redis_everything_that_is_known_is_told_and_what_is_changed_comes_later(
    house: Installation, dora: User, load: Load
) -> None:
    load.goes_on()
    supervision = Supervision(house.settings)
    try:
        supervision.stop([REDIS])
        load.goes_on()
        told = {
            line: dora.types(f"{line} -a shop")
            for line in ("paas ps", "paas config", "paas releases", "paas logs", "paas domains")
        }
        apps, doctor = dora.types("paas apps"), dora.types("paas doctor")
        changed = dora.types("paas scale web=2 --no-wait -a shop")
    finally:
        supervision.restart(REDIS)

    assert {line for line, said in told.items() if said.code != 0} == set()
    assert "shop" in apps.out
    assert doctor.code == 1 and "redis" in doctor.out
    assert changed.code == 0, changed.text
    eventually(lambda: len(load.containers()) == 2, within=30)
    assert not load.failures, load.report
    dora.types("paas scale web=1 -a shop")


def test_a_change_that_waits_for_redis_says_so_and_goes_live_with_it(
    house: Installation, dora: User
) -> None:
    supervision = Supervision(house.settings)
    try:
        supervision.stop([REDIS])
        waiting = dora.begins("paas config:set LATER=yes -a shop")
        assert waiting.stdout
        lines = []
        while "Redis" not in (lines or [""])[-1]:
            lines.append(waiting.stdout.readline())
            assert lines[-1], lines
    finally:
        supervision.restart(REDIS)

    output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, output
    assert dora.types("paas config:get LATER -a shop").out == "yes\n"
