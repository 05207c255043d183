"""The addresses of a platform: of its network, which it chooses, and of its machine."""

import random
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from paas.errors import Unavailable

CHOICE = IPv4Network("10.64.0.0/10")
"""Away from the beginning of 10.0.0.0/8, where clouds and offices are."""
PREFIX = 20


class NoSubnetFree(Unavailable):
    def __init__(self) -> None:
        super().__init__(
            f"No /{PREFIX} network of {CHOICE} is free on this machine. "
            f"Name one that is: paasd init --subnet A.B.C.0/{PREFIX}"
        )


def free_subnet(taken: Collection[IPv4Network], rng: random.Random) -> IPv4Network:
    """At random, so that two platforms made at once seldom choose the same. Raises NoSubnetFree."""
    size = 2 ** (CHOICE.max_prefixlen - PREFIX)
    numbers = range(CHOICE.num_addresses // size)
    for number in rng.sample(numbers, len(numbers)):
        subnet = IPv4Network((int(CHOICE.network_address) + number * size, PREFIX))
        if is_free(subnet, taken):
            return subnet
    raise NoSubnetFree


def is_free(subnet: IPv4Network, taken: Collection[IPv4Network]) -> bool:
    return not any(subnet.overlaps(other) for other in taken)


def routed(table: str | None = None) -> Collection[IPv4Network]:
    """What this machine has routes to, the default route apart: a bridge without containers has one too."""
    text = Path("/proc/net/route").read_text() if table is None else table
    networks = set()
    for line in text.splitlines()[1:]:
        destination, mask = (_address(line.split()[column]) for column in (1, 7))
        if int(mask):
            networks.add(IPv4Network((int(destination), int(mask).bit_count())))
    return networks


def address_towards(address: str) -> str:
    """Which of this machine's own addresses is seen there. Raises OSError: there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))  # sends nothing
        return str(probe.getsockname()[0])


def _address(little_endian: str) -> IPv4Address:
    return IPv4Address(bytes.fromhex(little_endian)[::-1])
