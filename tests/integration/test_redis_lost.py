"""Redis comes back without its data, and a follower does not come back: who serves, serves on."""

import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from paas.supervision import Supervision
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation
from tests.integration.load import Load, Talk
from tests.integration.user import User


@pytest.fixture(scope="module")
def house(the_stack: None) -> Iterator[Installation]:
    """Every program runs again when a test is over. A silent router is waited for 3 s."""
    yield from running_installation(acknowledge_seconds=3.0)


@pytest.fixture(scope="module")
def eva(house: Installation) -> Iterator[User]:
    """Has an app that is served, and one that talks."""
    eva = house.welcomes("eva")
    eva.deployed("slow-request", "shop")
    eva.deployed("websocket-echo", "echo")
    yield eva
    eva.leaves()


@pytest.fixture
def load(eva: User) -> Iterator[Load]:
    with Load(eva.http_port, "shop") as load:
        load.goes_on()
        yield load


def containers(house: Installation) -> str:
    """The engine's id of each, and since when it runs."""
    label = f"label=paas.platform={house.settings.platform}"
    ours = ("--filter", label, "--filter", "label=paas.container")
    ids = docker("ps", "--all", "--quiet", "--no-trunc", *ours).split()
    return docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}} {{.State.Status}}", *ids)


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_redis_that_lost_its_file_is_filled_from_the_record_alone(
    house: Installation, eva: User, load: Load
) -> None:
    before, epoch = containers(house), house.platform.routes.snapshot().epoch
    with Talk(eva.http_port, "echo") as talk:
        eventually(lambda: talk.said)

        supervision = Supervision(house.settings)
        supervision.stop(["redis"])
        shutil.rmtree(house.directory / "redis" / "appendonlydir")
        supervision.restart("redis")
        eventually(lambda: len(house.platform.routes.snapshot().routes) == 2)
        after = containers(house)
        push = eva.pushes(None, to="shop", files={"redis": "lost"})
        pushed, said = time.time(), talk.said
        load.goes_on()
        eventually(lambda: talk.said > said)

    assert house.platform.routes.snapshot().epoch != epoch
    assert after == before
    assert push.accepted, push.output
    assert not load.failures, load.report
    assert load.releases(pushed) == {"v2"}
    assert talk.failure is None


def test_without_a_follower_what_is_served_is_served_and_what_is_changed_waits(
    house: Installation, eva: User, load: Load
) -> None:
    supervision = Supervision(house.settings)
    supervision.stop(["follower"])
    serving = load.releases()

    scaled = eva.types("paas scale web=2 -a shop")
    deployed = eva.types("paas config:set FOLLOWER=gone -a shop")
    alone = (load.releases(), len(load.containers()))
    supervision.restart("follower")
    eventually(lambda: len(load.containers()) == 2)
    again = eva.types("paas config:set FOLLOWER=back -a shop")

    assert scaled.code == 1 and "router local has not acknowledged" in scaled.err, scaled.text
    assert deployed.code == 1 and "router local did not acknowledge" in deployed.err, deployed.text
    assert alone == (serving, 1)
    assert again.code == 0, again.text
    assert not load.failures, load.report
