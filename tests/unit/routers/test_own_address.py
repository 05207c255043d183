"""Where the routers elsewhere see the platform's own machine."""

import pytest

from paas.routers.own_address import note_own_address
from paas.store.database import Database
from paas.store.hosts import HostStore
from paas.store.routers import RouterStore
from tests.make import NOW, make_host


@pytest.fixture
def hosts(record: Database) -> HostStore:
    store = HostStore(record)
    store.add(make_host())
    return store


@pytest.fixture
def routers(record: Database) -> RouterStore:
    store = RouterStore(record)
    store.add("local", NOW)
    return store


def there_is(routers: RouterStore, name: str, address: str) -> None:
    routers.add(name, NOW, f"ssh://deploy@{address}")
    routers.pin(name, address, "ssh-ed25519 AAAA")


def test_it_has_one_as_long_as_a_router_is_elsewhere(
    hosts: HostStore, routers: RouterStore
) -> None:
    def noted() -> str | None:
        note_own_address(hosts, routers)
        return hosts.get("local").address

    before = noted()
    there_is(routers, "edge", "127.0.0.9")  # from there this machine is 127.0.0.1
    during = noted()
    routers.remove("edge")

    assert (before, during, noted()) == (None, "127.0.0.1", None)


def test_it_keeps_the_one_it_has_while_there_is_no_way_to_any(
    hosts: HostStore, routers: RouterStore
) -> None:
    def no_way(_: str) -> str:
        raise OSError

    there_is(routers, "edge", "10.0.0.7")
    note_own_address(hosts, routers, lambda _: "10.0.0.1")

    note_own_address(hosts, routers, no_way)

    assert hosts.get("local").address == "10.0.0.1"


def test_another_address_of_the_machine_is_noted(hosts: HostStore, routers: RouterStore) -> None:
    there_is(routers, "edge", "10.0.0.7")
    note_own_address(hosts, routers, lambda _: "10.0.0.1")

    note_own_address(hosts, routers, lambda _: "10.0.0.2")

    assert hosts.get("local").address == "10.0.0.2"
