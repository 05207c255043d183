import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.contract.isolation.host import (
    NEXT_DOOR,
    SERVES,
    Outside,
    accepts,
    connects,
    forget,
    ip,
    isolated,
    listening,
    reaches,
)
from tests.contract.lab import Lab
from tests.eventually import eventually


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    name = f"paas{secrets.token_hex(3)}"
    network = f"198.18.{secrets.randbelow(256)}"
    here, there = f"{network}.1", f"{network}.2"
    inside = ["netns", "exec", name]
    with ExitStack() as undo:
        ip("netns", "add", name)
        undo.callback(ip, "netns", "del", name)
        ip("link", "add", name, "type", "veth", "peer", "name", "up0", "netns", name)
        ip("addr", "add", f"{here}/30", "dev", name)
        ip("link", "set", name, "up")
        ip("-n", name, "addr", "add", f"{there}/30", "dev", "up0")
        ip("-n", name, "addr", "add", f"{NEXT_DOOR}/32", "dev", "up0")
        ip("-n", name, "link", "set", "up0", "up")
        ip("-n", name, "route", "add", "default", "via", here)
        ip("route", "add", f"{NEXT_DOOR}/32", "via", there)
        server = subprocess.Popen(
            ["ip", *inside, *SERVES, "--bind", "0.0.0.0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        undo.callback(server.wait)
        undo.callback(server.terminate)
        eventually(lambda: accepts(there, 5000))
        yield Outside(name, there)


@pytest.fixture(scope="module")
def open_port() -> Iterator[int]:
    """The router's, say."""
    with listening() as port:
        yield port


@pytest.fixture(scope="module")
def labs(open_port: int) -> Iterator[list[Lab]]:
    """Two platforms whose networks and packet filters are in place."""
    made = [isolated(open_port), isolated(open_port)]
    yield made
    for lab in made:
        forget(lab)


@pytest.fixture(scope="module")
def app(labs: list[Lab]) -> Callable[[str, int], bool]:
    """Can an app reach this address and port? False only when it is told no at once."""
    name = labs[0].started("app", command=SERVES, address=f"{labs[0].addresses}.10")
    return lambda address, port: reaches(
        labs[0].engine.exec("local", name, ["timeout", "3", *connects(address, port)])[0]
    )
