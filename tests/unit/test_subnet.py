import random
from ipaddress import IPv4Network

import pytest

from paas.subnet import CHOICE, NoSubnetFree, free_subnet, routed

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-1\t0010490A\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0
"""


def test_a_subnet_overlaps_nothing_that_this_machine_reaches() -> None:
    taken = [IPv4Network("10.64.0.0/11"), IPv4Network("10.96.0.0/12"), IPv4Network("10.112.0.0/13")]

    chosen = {free_subnet(taken, random.Random(seed)) for seed in range(200)}

    assert not any(subnet.overlaps(other) for subnet in chosen for other in taken)
    assert all(subnet.subnet_of(CHOICE) and subnet.prefixlen == 20 for subnet in chosen)


def test_two_platforms_seldom_choose_the_same_subnet() -> None:
    chosen = {free_subnet([], random.Random(seed)) for seed in range(20)}

    assert len(chosen) > 15


def test_a_machine_without_a_free_subnet_is_told_what_to_type() -> None:
    with pytest.raises(NoSubnetFree, match="paasd init --subnet"):
        free_subnet([IPv4Network("10.0.0.0/8")], random.Random(1))


def test_the_kernels_routes_are_read_without_the_default_one() -> None:
    assert routed(TABLE) == {IPv4Network("192.168.1.0/24"), IPv4Network("10.73.16.0/20")}
