"""What this process may take of the machine when several run tests side by side: ports and subnets.

A port or a subnet that is free is taken a second or two later, when the platform starts. Until then, only its share
keeps it from the others.
"""

import os
import random
import socket
from contextlib import ExitStack
from ipaddress import IPv4Network

from paas.subnet import CHOICE, free_subnet, routed

SHARES = 8
NUMBER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % SHARES
FIRST_PORT = 12_000
PORTS = 2_500
"""Of one share. All of them are below those that the kernel takes for connections."""


def free_ports(count: int) -> list[int]:
    """Of loopback; none twice."""
    first = FIRST_PORT + NUMBER * PORTS
    with ExitStack() as held:
        found: list[int] = []
        for port in random.sample(range(first, first + PORTS), PORTS):
            if len(found) == count:
                return found
            one = held.enter_context(socket.socket())
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    raise AssertionError("no port is free")


def own_subnet() -> str:
    """In CIDR form, for a platform's network."""
    shares = list(CHOICE.subnets(SHARES.bit_length() - 1))
    others: list[IPv4Network] = shares[:NUMBER] + shares[NUMBER + 1 :]
    return str(free_subnet([*routed(), *others], random.Random()))
