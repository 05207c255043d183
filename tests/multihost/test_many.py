"""A deploy of many containers on several hosts: in batches, told while it goes on, and nothing is dropped."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.integration.load import Load, under
from tests.integration.user import Said
from tests.multihost.fleet import Fleet, running_fleet

APP = "shop"
UP = re.compile(r"^  (\d+) of (\d+) up", re.MULTILINE)


@pytest.fixture(scope="module")
def fleet(the_stack: None) -> Iterator[Fleet]:
    """With room for two hundred dynos."""
    with running_fleet("h1", "h2", "h3", memory_mb=128) as fleet:
        yield fleet


@pytest.mark.long
@pytest.mark.parametrize("count", [30, pytest.param(100, marks=pytest.mark.soak)])
def test_a_deploy_of_many_is_spread_told_and_drops_nothing(fleet: Fleet, count: int) -> None:
    fleet.admin.deployed("slow-request", APP)
    scaled = fleet.admin.types(f"paas scale web={count} -a {APP}")
    before = {row.id for row in fleet.rows(APP)}
    with Load(fleet.admin.http_port, APP) as load:
        deployed: list[Said] = []
        done = under(
            load,
            lambda: deployed.append(fleet.admin.types(f"paas config:set DEPLOY=1 -a {APP}")),
        )
        served = load.containers(done)

    for said in (scaled, *deployed):
        assert said.code == 0, said.text
        told = [(int(up), int(wanted)) for up, wanted in UP.findall(said.text)]
        assert {wanted for _, wanted in told} == {count}
        assert len({up for up, _ in told}) >= 3
    assert not load.failures, load.report
    assert not served & before
    hosts = Counter(fleet.where(APP).values())
    assert hosts.total() == count
    assert max(hosts.values()) - min(hosts.values()) <= 1
    fleet.admin.leaves()
