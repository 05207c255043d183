"""What containers and the steps of builds reach, and what they do not, on a real host with a real packet filter."""

import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from docker.api.client import APIClient

from paas.engine.body import bridge_name
from paas.model.container import container_name
from tests.contract.isolation.host import (
    NEXT_DOOR,
    SERVES,
    STACK,
    Outside,
    accepts,
    connects,
    ip,
    listening,
    reaches,
    without_hooks,
)
from tests.contract.lab import Lab
from tests.eventually import eventually

pytestmark = pytest.mark.docker


def test_an_app_reaches_the_outside(app: Callable[[str, int], bool], outside: Outside) -> None:
    assert app(outside.address, 5000)


def test_the_host_reaches_an_app(labs: list[Lab], app: Callable[[str, int], bool]) -> None:
    eventually(lambda: accepts(f"{labs[0].addresses}.10", 5000))


def test_an_app_does_not_reach_the_host(labs: list[Lab], app: Callable[[str, int], bool]) -> None:
    with listening() as port:
        assert not app(f"{labs[0].addresses}.1", port)
        assert not app("172.17.0.1", port)
        assert not app(own_address(), port)


def own_address() -> str:
    """One of the host's own, not of a bridge of containers."""
    listed = subprocess.run(
        ["ip", "-4", "-o", "addr", "show", "scope", "global"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = [line.split() for line in listed.stdout.splitlines()]
    plain = [words[3] for words in found if not words[1].startswith(("docker", "br-", "pb-"))]
    return plain[0].partition("/")[0]


def test_an_app_reaches_the_router(
    labs: list[Lab], app: Callable[[str, int], bool], open_port: int
) -> None:
    assert app(f"{labs[0].addresses}.1", open_port)


def test_an_app_reaches_a_name_server_of_the_host(
    labs: list[Lab], app: Callable[[str, int], bool]
) -> None:
    gateway = f"{labs[0].addresses}.1"
    with listening(gateway, 53):
        assert app(gateway, 53)


def test_an_app_does_not_reach_another(labs: list[Lab], app: Callable[[str, int], bool]) -> None:
    neighbour = f"{labs[0].addresses}.20"
    labs[0].started("neighbour", command=SERVES, address=neighbour)
    eventually(lambda: accepts(neighbour, 5000))

    assert not app(neighbour, 5000)


def test_an_app_does_not_reach_one_of_another_platform(
    labs: list[Lab], app: Callable[[str, int], bool]
) -> None:
    stranger = f"{labs[1].addresses}.20"
    labs[1].started("stranger", command=SERVES, address=stranger)
    eventually(lambda: accepts(stranger, 5000))

    assert not app(stranger, 5000)


def test_an_app_does_not_reach_a_metadata_server(
    app: Callable[[str, int], bool], outside: Outside
) -> None:
    assert accepts(NEXT_DOOR, 5000)

    assert not app(NEXT_DOOR, 5000)
    assert not app("169.254.169.254", 80)


@pytest.fixture(scope="module")
def step(labs: list[Lab], engine_client: APIClient) -> Iterator[Callable[[str, int], bool]]:
    """Can a step of a build reach it? Steps are where the engine puts what names no network."""
    body = {"Image": STACK, "Cmd": ["sleep", "1000"], "HostConfig": {"Init": True}}
    made = engine_client.create_container_from_config(body)["Id"]
    engine_client.start(made)

    def can(address: str, port: int) -> bool:
        argv = ["timeout", "3", *connects(address, port)]
        command = engine_client.exec_create(made, argv)["Id"]
        engine_client.exec_start(command)
        return reaches(engine_client.exec_inspect(command)["ExitCode"])

    yield can
    engine_client.remove_container(made, force=True)


def test_a_build_reaches_the_outside_and_the_router_alone(
    labs: list[Lab], step: Callable[[str, int], bool], outside: Outside, open_port: int
) -> None:
    app = f"{labs[0].addresses}.30"
    labs[0].started("served", command=SERVES, address=app)
    eventually(lambda: accepts(app, 5000))

    assert step(outside.address, 5000)
    assert step("172.17.0.1", open_port)
    assert not step(app, 5000)
    assert not step(NEXT_DOOR, 5000)
    with listening() as port:
        assert not step("172.17.0.1", port)
        assert not step(own_address(), port)


def test_a_build_does_not_reach_what_another_build_runs(
    step: Callable[[str, int], bool], engine_client: APIClient
) -> None:
    body = {"Image": STACK, "Cmd": [*SERVES], "HostConfig": {"Init": True}}
    made = engine_client.create_container_from_config(body)["Id"]
    engine_client.start(made)
    try:
        networks = engine_client.inspect_container(made)["NetworkSettings"]["Networks"]
        address = networks["bridge"]["IPAddress"]
        eventually(lambda: accepts(address, 5000))

        assert not step(address, 5000)
    finally:
        engine_client.remove_container(made, force=True)


def test_an_app_has_no_ipv6(labs: list[Lab], app: Callable[[str, int], bool]) -> None:
    name = container_name(labs[0].platform, "app")

    _, told = labs[0].engine.exec("local", name, ["cat", "/proc/net/if_inet6"])

    assert [line for line in told.splitlines() if not line.endswith(" lo")] == []


def test_by_ipv6_nothing_is_reached_from_the_bridge(labs: list[Lab]) -> None:
    """As from a container of an engine that gave it an address after all."""
    bridge, name = bridge_name(labs[0].platform), f"paas{secrets.token_hex(3)}"
    with ExitStack() as undo:
        ip("netns", "add", name)
        undo.callback(ip, "netns", "del", name)
        ip("link", "add", name, "type", "veth", "peer", "name", "up0", "netns", name)
        ip("link", "set", name, "master", bridge, "up")
        ip("-n", name, "link", "set", "up0", "up")
        listed = ["ip", "-6", "-o", "addr", "show", "dev", bridge, "scope", "link"]
        told = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
        gateway = told.split()[3].partition("/")[0]

        def tries(port: int) -> int:
            argv = ["timeout", "3", *connects(f"{gateway}%up0", port)]
            inside = ["ip", "netns", "exec", name]
            return subprocess.run([*inside, *argv], check=False, capture_output=True).returncode

        with socket.create_server(("::", 0), family=socket.AF_INET6) as server:
            port = int(server.getsockname()[1])

            def reaches_without_rules() -> bool:
                without_hooks(labs[0].platform)
                return tries(port) == 0

            eventually(reaches_without_rules, within=20)  # or what follows would show nothing

            labs[0].engine.prepare("local", f"{labs[0].addresses}.0/24")

            assert tries(port) == 1
