"""What containers and the steps of builds reach, and what they do not, on a real host with a real packet filter."""

import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest
from docker.api.client import APIClient

from paas.engine.body import bridge_name
from paas.engine.docker_engine import DockerEngine
from paas.engine.packet_filter import (
    GUARD_SECONDS,
    apply_arguments,
    guard_arguments,
    remove_arguments,
)
from paas.model.container import container_name
from tests.contract.conftest import OneHost, make_network
from tests.contract.lab import Lab
from tests.eventually import eventually

pytestmark = pytest.mark.docker

STACK = "paas/stack:run"
SERVES = ("python3", "-m", "http.server", "5000")
NEXT_DOOR = "169.254.77.77"
"""In the range of the machines' metadata servers."""


@dataclass(frozen=True)
class Outside:
    """A network beyond the host, in a network namespace, with a server on port 5000."""

    namespace: str
    address: str


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


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def accepts(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True


@contextmanager
def listening(address: str = "0.0.0.0", port: int = 0) -> Iterator[int]:
    """A server of the host's own; its port."""
    with socket.create_server((address, port)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


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


def isolated(open_port: int) -> Lab:
    platform = f"t{secrets.token_hex(3)}"
    engine = DockerEngine(platform, f"paas-{platform}", OneHost(), open_ports=(open_port,))
    first = make_network(engine)
    engine.prepare("local", f"{first}.0/24")
    return Lab(engine, platform, STACK, first)


def forget(lab: Lab) -> None:
    assert isinstance(lab.engine, DockerEngine)
    for seen in lab.engine.list("local"):
        lab.engine.remove("local", seen.name)
    lab.engine.network.forget("local")


@pytest.fixture(scope="module")
def app(labs: list[Lab]) -> Callable[[str, int], bool]:
    """Can an app reach this address and port? False only when it is told no at once."""
    name = labs[0].started("app", command=SERVES, address=f"{labs[0].addresses}.10")
    return lambda address, port: reaches(
        labs[0].engine.exec("local", name, ["timeout", "3", *connects(address, port)])[0]
    )


def connects(address: str, port: int) -> list[str]:
    return ["bash", "-c", "exec 3<>/dev/tcp/$0/$1", address, str(port)]


def reaches(code: int) -> bool:
    """124, a timeout, is neither: a filter that lets people wait is a fault too."""
    assert code in (0, 1), code
    return code == 0


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


def rules_of(word: str, *inside: str) -> list[str]:
    """Those with this word in them, on the host or where `inside` leads."""
    saved = subprocess.run([*inside, "iptables-save"], capture_output=True, text=True, check=True)
    return [line for line in saved.stdout.splitlines() if line.startswith("-A") and word in line]


def test_preparing_again_changes_nothing(labs: list[Lab]) -> None:
    before = rules_of(labs[0].platform)

    labs[0].engine.prepare("local", f"{labs[0].addresses}.0/24")

    assert rules_of(labs[0].platform) == before
    assert before


def test_a_filter_that_was_taken_away_is_mended(
    labs: list[Lab], app: Callable[[str, int], bool]
) -> None:
    lab = labs[0]
    hook = ["INPUT", "-i", bridge_name(lab.platform), "-j", f"PAAS-{lab.platform}-IN"]
    subprocess.run(["iptables", "-D", *hook], check=True)
    subprocess.run(["iptables", "-F", f"PAAS-{lab.platform}-IN"], check=True)

    lab.engine.prepare("local", f"{lab.addresses}.0/24")

    with listening() as port:
        assert not app(f"{lab.addresses}.1", port)


def test_a_platform_that_goes_takes_its_own_rules_alone(labs: list[Lab], open_port: int) -> None:
    before = rules_of(labs[0].platform)
    third = isolated(open_port)
    assert rules_of(third.platform)

    forget(third)

    assert rules_of(third.platform) == []
    assert rules_of(labs[0].platform) == before


def test_a_host_without_dockers_chain_is_filtered_where_it_forwards() -> None:
    name = f"paas{secrets.token_hex(3)}"
    inside = ["ip", "netns", "exec", name]
    ip("netns", "add", name)
    try:
        subprocess.run([*inside, *apply_arguments("abcd2345", [80])], check=True)
        subprocess.run([*inside, *apply_arguments("other234", [])], check=True)
        made = rules_of("abcd2345", *inside)
        subprocess.run([*inside, *remove_arguments("abcd2345")], check=True)
        others = rules_of("PAAS", *inside)
        subprocess.run([*inside, *remove_arguments("other234")], check=True)

        assert "-A FORWARD -i pb-abcd2345 -j PAAS-abcd2345-FWD" in made
        assert not any("abcd2345" in rule for rule in others)
        assert "-A INPUT -i docker0 -j PAAS-BUILDS-IN" in others
        assert rules_of("PAAS", *inside) == []
    finally:
        ip("netns", "del", name)


def tools(platform: str, engine_client: APIClient) -> list[str]:
    """The names of the platform's own containers."""
    ours = ["paas.kind=tools", f"paas.platform={platform}"]
    listed = engine_client.containers(all=True, filters={"label": ours})
    return [found["Names"][0] for found in listed]


def test_one_tool_stays_and_keeps_the_filter(labs: list[Lab], engine_client: APIClient) -> None:
    platform = labs[0].platform
    [name] = tools(platform, engine_client)
    guard = engine_client.inspect_container(name)

    labs[0].engine.prepare("local", f"{labs[0].addresses}.0/24")

    assert name == f"/paas-{platform}-filter"
    assert engine_client.inspect_container(name)["Id"] == guard["Id"], "there is one already"
    assert guard["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert guard["HostConfig"]["CapAdd"] == ["NET_ADMIN", "NET_RAW"]
    assert not guard["HostConfig"]["Binds"]
    assert name[1:] not in [seen.name for seen in labs[0].engine.list("local")]


def test_a_tool_that_somebody_stopped_or_took_away_is_there_again(
    labs: list[Lab], engine_client: APIClient
) -> None:
    name = f"paas-{labs[0].platform}-filter"
    for undo in (engine_client.stop, partial(engine_client.remove_container, force=True)):
        undo(name)

        labs[0].engine.guard("local")

        assert engine_client.inspect_container(name)["State"]["Running"]


def without_hooks(platform: str) -> None:
    """What a reload of a firewall does, to this platform alone: its chains are empty, and nothing leads to them."""
    own = f"PAAS-{platform}"
    for tool in ("iptables", "ip6tables"):
        listed = subprocess.run([tool, "-S"], capture_output=True, text=True, check=True).stdout
        for rule in listed.splitlines():
            if rule.startswith("-A") and rule.endswith((f"-j {own}-IN", f"-j {own}-FWD")):
                subprocess.run([tool, "-D", *rule.split()[1:]], check=True)
        for chain in (f"{own}-IN", f"{own}-FWD"):
            subprocess.run([tool, "-F", chain], check=True)


def test_a_filter_that_a_firewall_took_away_comes_back_by_itself(
    labs: list[Lab], app: Callable[[str, int], bool]
) -> None:
    gateway, before = f"{labs[0].addresses}.1", rules_of(labs[0].platform)
    with listening() as port:
        without_hooks(labs[0].platform)
        assert app(gateway, port), "or this would show nothing"

        eventually(lambda: not app(gateway, port), within=GUARD_SECONDS + 10)

    assert sorted(rules_of(labs[0].platform)) == sorted(before)


RESTARTED = """trap 'kill $!; exit' TERM; while :; do "$0" "$@" & wait; sleep 0.1; done"""
"""As the engine does with a guard to whom the kernel has said that somebody else changes the tables."""


def test_two_guards_put_back_what_was_flushed_and_leave_each_other_alone() -> None:
    """On a host of their own. They share chains: if one took what the other writes for damage, both would write for
    ever, each its own rule last."""
    name, platforms = f"paas{secrets.token_hex(3)}", ("abcd2345", "other234")
    inside = ["ip", "netns", "exec", name]
    with ExitStack() as undo:
        ip("netns", "add", name)
        undo.callback(ip, "netns", "del", name)
        for platform in platforms:
            guards = [*guard_arguments(platform, [80])[:-1], "0.5"]
            argv = [*inside, "sh", "-c", RESTARTED, *guards]
            guard = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            undo.callback(guard.wait)
            undo.callback(guard.terminate)

        def is_whole() -> bool:
            rules = "\n".join(rules_of("PAAS", *inside))
            hooks = [f"-A {chain} -i pb-{platform} -j PAAS-{platform}-{end}"
                     for platform in platforms for chain, end in (("INPUT", "IN"), ("FORWARD", "FWD"))]  # fmt: skip
            return all(line in rules for line in (*hooks, "paas-abcd2345", "paas-other234"))

        eventually(is_whole)
        for tool in ("iptables", "ip6tables"):
            for verb in ("-F", "-X"):
                subprocess.run([*inside, tool, verb], check=False, capture_output=True)
        eventually(is_whole)
        time.sleep(1.5)
        orders = set()
        for _ in range(15):
            orders.add(tuple(rules_of("PAAS", *inside)))
            time.sleep(0.1)

    assert len(orders) == 1


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
