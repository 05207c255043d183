"""Placement: random, spread, and explained."""

import random
from collections import Counter

import pytest

from paas.model.container import RETIRING
from paas.model.host import Host, HostHealth, Schedulable
from paas.scheduler.place import (
    NoAddressLeft,
    NoHostReady,
    Placement,
    free_address,
    free_spot,
    place,
    unreserved,
)
from tests.make import make_container, make_dyno, make_host


def put(
    hosts: list[Host], siblings: dict[str, int], free: dict[str, int] | None = None, seed: int = 1
) -> Placement:
    return place(
        make_dyno(), hosts, siblings=Counter(siblings),
        unreserved_mb=free or {host.name: 4000 for host in hosts},
        memory_mb=512, arch="amd64", rng=random.Random(seed),
    )  # fmt: skip


def test_only_hosts_with_the_fewest_siblings_are_drawn() -> None:
    hosts = [make_host(name) for name in ("a", "b", "c", "d")]

    chosen = {put(hosts, {"a": 1, "b": 1}, seed=seed).host for seed in range(50)}

    assert chosen == {"c", "d"}


def test_of_two_drawn_the_one_with_more_memory_wins() -> None:
    hosts = [make_host("a"), make_host("b")]

    placement = put(hosts, {}, {"a": 1000, "b": 2000})

    assert placement.host == "b"
    assert placement.candidates == {"a": 1000, "b": 2000}


def test_the_same_seed_places_the_same() -> None:
    hosts = [make_host(f"h{n}") for n in range(20)]

    assert put(hosts, {}, seed=7) == put(hosts, {}, seed=7)
    assert len({put(hosts, {}, seed=seed).host for seed in range(100)}) > 10


@pytest.mark.parametrize(
    ("field", "why"),
    [
        ({"health": HostHealth.SUSPECT}, "is suspect"),
        ({"schedulable": Schedulable.DRAINING}, "is draining"),
        ({"arch": "arm64"}, "is arm64, the image is amd64"),
        ({"disk_free_mb": 100}, "has 100 MB disk free"),
    ],
)
def test_a_host_that_cannot_take_it_says_why(field: dict[str, object], why: str) -> None:
    with pytest.raises(NoHostReady) as refused:
        put([make_host("a", **field)], {})

    assert refused.value.refusals == {"a": why}
    assert f"a: {why}" in str(refused.value)


def test_memory_that_is_reserved_is_not_given_twice() -> None:
    host = make_host("a", memory_mb=2000)
    rows = [
        make_container("web.1", 1, host="a"),
        make_container("web.2", 2, host="a", state=RETIRING),
    ]

    assert unreserved([host], rows, 512) == {"a": 1600 - 512}
    with pytest.raises(NoHostReady):
        put([host], {}, {"a": 511})


def test_an_address_is_given_once_and_never_the_network_s_or_the_gateway_s() -> None:
    host, taken, rng = make_host(subnet="10.85.0.0/28"), set[str](), random.Random(3)

    for _ in range(10):
        taken.add(free_address(host, taken, rng))

    assert taken == {f"10.85.0.{n}" for n in range(2, 12)}
    with pytest.raises(NoAddressLeft):
        free_address(host, taken, rng)


def test_on_the_own_machine_what_serves_has_an_address_until_a_router_is_elsewhere() -> None:
    rng, own = random.Random(1), make_host("local")

    alone = free_spot(own, 5000, set(), rng)
    seen = free_spot(make_host("local", address="10.0.0.1"), 5000, set(), rng)

    assert (alone.published, str(alone.address)[:6]) == (None, "10.85.")
    assert seen.address == "10.0.0.1"
    assert 20_000 <= (seen.published or 0) < 30_000


def test_on_the_own_machine_what_serves_nothing_keeps_an_address_of_its_own() -> None:
    spot = free_spot(make_host("local", address="10.0.0.1"), None, set(), random.Random(1))

    assert (spot.published, str(spot.address)[:6]) == (None, "10.85.")
