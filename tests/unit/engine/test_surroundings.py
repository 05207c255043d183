"""What of a platform the packet filter of each of its hosts is told."""

from collections.abc import Sequence

from paas.engine.connections import Connections
from paas.engine.docker_images import DockerImages
from paas.engine.docker_network import DockerNetwork
from paas.engine.packet_filter import Surroundings
from paas.engine.registry import NO_REGISTRY
from paas.model.host import Host
from tests.make import make_host

HOSTS = {"local": None, "h1": "127.0.0.2", "h2": "127.0.0.3"}
"""Loopback addresses: from each, this machine is 127.0.0.1."""


class Hosts:
    def get(self, name: str) -> Host:
        return make_host(name, address=HOSTS[name])

    def all(self) -> Sequence[Host]:
        return [self.get(name) for name in HOSTS]


def around(host: str, *routers: str) -> Surroundings:
    connections = Connections(Hosts(), 1)
    images = DockerImages(connections, "abcd2345", NO_REGISTRY)
    network = DockerNetwork(connections, images, "abcd2345", "n", "tools", (80,), lambda: routers)
    return network._surroundings(host)


def test_the_own_machine_builds_routes_and_admits_nobody_while_it_is_the_only_router() -> None:
    own = around("local")

    assert (own.has_builds, own.has_router, own.routers) == (True, True, [])
    assert own.hosts == ["127.0.0.2", "127.0.0.3"]


def test_a_host_elsewhere_admits_this_machine_and_every_router() -> None:
    there = around("h1", "127.0.0.9")

    assert (there.has_builds, there.has_router) == (False, False)
    assert sorted(there.routers) == ["127.0.0.1", "127.0.0.9"]


def test_a_host_that_has_a_router_opens_its_own_port_and_is_a_router_to_the_others() -> None:
    there, other, own = (around(host, "127.0.0.2") for host in ("h1", "h2", "local"))

    assert (there.has_router, there.routers) == (True, ["127.0.0.1"])
    assert (other.has_router, sorted(other.routers)) == (False, ["127.0.0.1", "127.0.0.2"])
    assert own.routers == ["127.0.0.2"]


def test_a_router_that_comes_changes_what_every_host_is_told() -> None:
    for host in HOSTS:
        assert around(host, "127.0.0.9") != around(host)
