"""Routers in the record, and which of them a change waits for."""

import pytest

from paas.model.router import InvalidRouterName, RouterName, UnknownRouter
from paas.store.database import Database
from paas.store.routers import RouterStore
from tests.make import NOW

URL = "ssh://deploy@10.0.0.7"


@pytest.fixture
def routers(record: Database) -> RouterStore:
    store = RouterStore(record)
    store.add("local", NOW)
    return store


def test_a_router_elsewhere_counts_from_its_first_acknowledgement_on(routers: RouterStore) -> None:
    routers.add("edge", NOW, URL)
    routers.acknowledge("local", "e1", 7, NOW)
    before = routers.acknowledged("e1")
    joining = routers.get("edge").is_joining

    routers.acknowledge("edge", "e1", 5, NOW)

    assert (before, joining) == (7, True)
    assert routers.acknowledged("e1") == 5
    assert not routers.get("edge").is_joining
    assert [router.name for router in routers.counting()] == ["edge", "local"]


def test_one_that_has_acknowledged_once_is_waited_for_though_the_table_is_a_new_one(
    routers: RouterStore,
) -> None:
    routers.add("edge", NOW, URL)
    for name in ("edge", "local"):
        routers.acknowledge(name, "e1", 5, NOW)

    routers.acknowledge("local", "e2", 6, NOW)

    assert routers.acknowledged("e2") is None


def test_the_platforms_own_router_counts_before_it_has_said_anything(routers: RouterStore) -> None:
    assert [router.name for router in routers.counting()] == ["local"]
    assert routers.acknowledged("e1") is None


def test_where_routers_are_is_known_once_their_machines_were_looked_at(
    routers: RouterStore,
) -> None:
    routers.add("edge", NOW, URL)
    before = routers.addresses()

    routers.pin("edge", "10.0.0.7", "ssh-ed25519 AAAA")

    assert (before, routers.addresses()) == ([], ["10.0.0.7"])
    assert routers.get("edge").host_key == "ssh-ed25519 AAAA"


def test_an_unknown_router_is_named(routers: RouterStore) -> None:
    with pytest.raises(UnknownRouter, match="There is no router 'nobody'"):
        routers.get("nobody")


@pytest.mark.parametrize("text", ["", "e", "local", "key", "Edge", "edge-", "-edge", "e" * 20])
def test_what_cannot_be_a_routers_name(text: str) -> None:
    with pytest.raises(InvalidRouterName):
        RouterName(text)
