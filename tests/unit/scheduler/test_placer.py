"""A plan is placed dyno by dyno: as fast as it must be, and never otherwise than one by one."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paas.model.build import Builder, Image
from paas.model.container import FILLS, RETIRING, UP, Container, ContainerState
from paas.model.formation import Dyno
from paas.model.host import Host, HostHealth
from paas.scheduler.assign import place_all
from paas.scheduler.place import NoHostReady, Placement, Placer, place, unreserved
from tests.make import NOW, make_container, make_dyno, make_host

MEMORY_MB = 512
HOSTS = st.lists(
    st.builds(
        lambda memory_mb, health: {"memory_mb": memory_mb, "health": health},
        st.sampled_from([600, 1400, 2000, 4096]),
        st.sampled_from([HostHealth.UP, HostHealth.UP, HostHealth.UP, HostHealth.DOWN]),
    ),
    max_size=6,
).map(lambda each: [make_host(f"h{number}", **fields) for number, fields in enumerate(each)])
NAMES = st.sampled_from(["web", "worker"])


@given(
    HOSTS,
    st.lists(st.tuples(st.integers(0, 6), NAMES, st.sampled_from([UP, RETIRING])), max_size=8),
    st.lists(NAMES, max_size=30),
    st.integers(0, 1000),
)
def test_a_placer_does_what_placing_one_by_one_does(
    hosts: list[Host], there: list[tuple[int, str, ContainerState]], names: list[str], seed: int
) -> None:
    rows = [
        make_container(f"{process}.{number}", number, host=f"h{host}", state=state)
        for number, (host, process, state) in enumerate(there, 1)
        if host < len(hosts)
    ]
    dynos = [make_dyno(f"{name}.{number}") for number, name in enumerate(names, 100)]
    filling = Counter(row.host for row in rows if row.state in FILLS)
    placer = Placer(hosts, filling, rows, memory_mb=MEMORY_MB, arch="amd64")
    chance, same_chance = random.Random(seed), random.Random(seed)

    for dyno in dynos:
        expected = one_by_one(dyno, hosts, rows, same_chance)
        if isinstance(expected, NoHostReady):
            with pytest.raises(NoHostReady) as refused:
                placer.place(dyno, chance)
            assert str(refused.value) == str(expected)
        else:
            assert placer.place(dyno, chance) == expected
            rows.append(make_container(dyno, dyno.number, host=expected.host))


def one_by_one(
    dyno: Dyno, hosts: Sequence[Host], rows: Sequence[Container], rng: random.Random
) -> Placement | NoHostReady:
    """Everything is counted anew for each."""
    siblings = [row for row in rows if row.state in FILLS and row.dyno.process == dyno.process]
    try:
        return place(
            dyno, hosts, siblings=Counter(row.host for row in siblings),
            unreserved_mb=unreserved(hosts, rows, MEMORY_MB),
            memory_mb=MEMORY_MB, arch="amd64", rng=rng,
        )  # fmt: skip
    except NoHostReady as error:
        return error


def test_what_was_refused_when_a_dyno_was_placed_stays_as_it_was() -> None:
    placer = Placer([make_host("a", memory_mb=1300)], {}, [], memory_mb=MEMORY_MB, arch="amd64")

    first, second = (placer.place(make_dyno(name), random.Random(1)) for name in ("web.1", "web.2"))

    assert first.refusals == second.refusals == {}
    with pytest.raises(NoHostReady, match="has 16 MB unreserved"):
        placer.place(make_dyno("web.3"), random.Random(1))


def placed(
    count: int, hosts: Sequence[Host], leased: frozenset[str] = frozenset()
) -> tuple[list[Container], str | None, list[str]]:
    """The rows, what the next waits for, and which hosts were asked what they have leased."""
    asked: list[str] = []

    def ask(host: str) -> frozenset[str]:
        asked.append(host)
        return leased

    image = Image(
        id="i", app_id="a", builder=Builder.BUILDPACK, arch="amd64", port=5000, where={}, source="",
        commit="", created_at=NOW,
    )  # fmt: skip
    dynos = [make_dyno(f"web.{number}") for number in range(1, count + 1)]
    placer = Placer(hosts, {}, [], memory_mb=MEMORY_MB, arch="amd64")
    by_name = {host.name: host for host in hosts}
    rows, blocked = place_all(dynos, by_name, placer, image, ask, random.Random(5), NOW)
    return rows, blocked, asked


def test_no_address_is_given_twice_within_a_plan() -> None:
    hosts = [
        make_host(name, subnet="10.85.0.0/28", is_local=True, address=None) for name in ("a", "b")
    ]

    rows, blocked, _ = placed(12, hosts, frozenset({"10.85.0.2"}))

    assert blocked is None
    assert len({(row.host, row.address) for row in rows}) == 12
    assert "10.85.0.2" not in {row.address for row in rows}


def test_only_the_hosts_that_get_something_are_asked_what_they_have_leased() -> None:
    rows, _, asked = placed(3, [make_host(f"h{number}", is_local=True) for number in range(50)])

    assert sorted(asked) == sorted({row.host for row in rows})


def test_what_fits_is_placed_and_the_next_says_what_it_waits_for() -> None:
    rows, blocked, _ = placed(9, [make_host("a", is_local=True, memory_mb=2000)])

    assert [row.dyno.name for row in rows] == ["web.1", "web.2", "web.3"]
    assert blocked is not None
    assert "web.4" in blocked
    assert "a: has 64 MB unreserved, 512 MB are needed" in blocked
