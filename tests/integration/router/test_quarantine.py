"""Containers that take no connection, beside others that do, while the table does not know of it."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from paas.model.route import Backend
from router.haproxy import HAProxy
from router.running import REUSE_SECONDS
from tests.eventually import eventually
from tests.integration.router.lab import Container, Lab
from tests.integration.router.load import Load

HOST = "shop.localhost"


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Two containers that answer, web.1 and web.2."""
    lab.publish("shop", *living(lab))
    return lab


def living(lab: Lab) -> list[Backend]:
    while len(lab.containers) < 2:
        lab.container(f"c{len(lab.containers) + 1}")
    return [one.backend(f"web.{number}") for number, one in enumerate(lab.containers[:2], 1)]


def dies(container: Container) -> Backend:
    """What it was in the table, and is still."""
    backend = container.backend("web.3")
    container.end()
    return backend


def out(lab: Lab) -> set[int]:
    """Ports of those that get no request."""
    return {taker.port for taker in HAProxy(lab.folder).takers() if taker.is_out}


@contextmanager
def silence(lab: Lab) -> Iterator[Backend]:
    """An address that neither takes a connection nor refuses it: its queue is full, and nobody empties it."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        waiting = []
        for _ in range(3):
            waiting.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK))
            waiting[-1].connect_ex(("127.0.0.1", port))
        try:
            yield Backend("silent", "web.9", "127.0.0.1", port)
        finally:
            for one in waiting:
                one.close()


def test_three_that_refuse_beside_two_that_answer_fail_nothing_once_they_are_known(
    shop: Lab,
) -> None:
    dead = [dies(Container(f"dead{number}")) for number in range(3)]
    with Load(shop.port, HOST, kept=5, new=15) as load:
        shop.publish("shop", *living(shop), *dead)
        eventually(lambda: len(out(shop)) == 3, within=5)
        time.sleep(0.5)  # what was asked before has its answer
        before, load.failures = load.failures, []
        counted = load.total
        eventually(lambda: load.total > counted + 1000)

    assert load.failures == []
    assert all("503" in failure for failure in before)
    assert out(shop) == {backend.port for backend in dead}


def test_one_that_is_silent_holds_up_only_who_asked_it_first(shop: Lab) -> None:
    with silence(shop) as silent:
        shop.publish("shop", *living(shop), silent)
        shop.names(HOST)  # one of these waits for it
        eventually(lambda: out(shop) == {silent.port})

        with Load(shop.port, HOST) as load:
            eventually(lambda: load.total > 500, within=5)

    assert load.failures == []
    assert load.answers.keys() == {"c1", "c2"}


def test_who_takes_connections_again_gets_requests_again(shop: Lab) -> None:
    dead = dies(Container("dead"))
    shop.publish("shop", *living(shop), dead)
    shop.names(HOST)
    eventually(lambda: out(shop) == {dead.port})

    with socket.create_server(("127.0.0.1", dead.port)):
        eventually(lambda: not out(shop), within=5)

    assert f"127.0.0.1:{dead.port} takes connections again" in shop.said


def test_a_lone_container_has_some_seconds_to_be_back(lab: Lab) -> None:
    dead = dies(Container("dead"))
    lab.publish("shop", dead)

    with Load(lab.port, HOST, kept=1, new=1) as load:
        time.sleep(1.5)
        lab.containers.append(Container("back", dead.port))
        eventually(lambda: load.total > 0, within=5)

    assert load.failures == []
    assert load.answers.keys() == {"back"}


def test_where_nobody_answers_nobody_is_left_out(lab: Lab) -> None:
    dead = [dies(Container(f"dead{number}")) for number in range(2)]
    lab.publish("shop", *dead)

    answers = [lab.get(HOST) for _ in range(5)]

    assert {(one.status, one.headers["X-Paas-Error"]) for one in answers} == {(503, "H21")}
    assert out(lab) == set()


def test_a_follower_that_was_killed_finds_who_is_out(own_lab: Lab) -> None:
    dead = dies(Container("dead"))
    own_lab.publish("shop", *living(own_lab), dead)
    own_lab.names(HOST)
    eventually(lambda: out(own_lab) == {dead.port})
    own_lab.kill_follower()
    assert out(own_lab) == {dead.port}

    own_lab.start_follower()
    with socket.create_server(("127.0.0.1", dead.port)):
        eventually(lambda: not out(own_lab), within=5)


def test_who_is_out_leaves_with_the_table_and_its_server_serves_the_next(own_lab: Lab) -> None:
    dead = dies(Container("dead"))
    own_lab.publish("shop", *living(own_lab), dead)
    own_lab.names(HOST)
    eventually(lambda: out(own_lab) == {dead.port})

    own_lab.publish("shop", *living(own_lab))
    eventually(lambda: not out(own_lab))
    slot = own_lab.running().slots[own_lab.running().slot_of["id-shop"]]
    (parked,) = [server.name for server in slot.servers.values() if not server.is_up]
    time.sleep(REUSE_SECONDS + 1)  # it rests

    third = own_lab.container("c3").backend("web.3")
    own_lab.publish("shop", *living(own_lab), third)

    names = {taker.port: taker.name for taker in HAProxy(own_lab.folder).takers()}
    assert names[third.port] == parked
    assert out(own_lab) == set()
    assert "c3" in own_lab.names(HOST)
