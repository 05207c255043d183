"""Containers that the table names and that are gone: from the first request on, the others answer."""

import time

import pytest

from tests.eventually import eventually
from tests.integration.router.lab import Container, Lab
from tests.integration.router.load import Load

REQUESTS = 1000


def end(lab: Lab, *containers: Container) -> None:
    """Nobody listens at their addresses any more, and the table names them still."""
    for container in containers:
        container.end()
        lab.containers.remove(container)


@pytest.mark.parametrize(("kept", "new"), [(3, 2), (12, 8)])
def test_with_three_gone_and_two_there_no_request_fails(lab: Lab, kept: int, new: int) -> None:
    gone, there = (
        [lab.container(f"gone{number}") for number in range(3)],
        [lab.container(f"there{number}") for number in range(2)],
    )
    lab.publish("shop", *(one.backend(f"web.{at}") for at, one in enumerate((*gone, *there))))
    end(lab, *gone)

    with Load(lab.port, "shop.localhost", kept, new) as load:
        eventually(lambda: load.total >= REQUESTS, within=30)

    assert load.failures == []
    assert load.answers.keys() == {"there0", "there1"}


def test_a_lone_container_has_some_seconds_to_be_back(lab: Lab) -> None:
    one = lab.container("one")
    port = one.backend().port
    lab.publish("shop", one.backend())
    end(lab, one)
    begin = time.monotonic()

    with Load(lab.port, "shop.localhost", kept=1, new=1) as load:
        time.sleep(4)
        back = Container("back", port)
        lab.containers.append(back)
        eventually(lambda: load.total > 0, within=5)

    assert time.monotonic() - begin > 4
    assert load.failures == []
    assert load.answers.keys() == {"back"}
