"""The packet filter itself: made, mended, taken away, and kept by the host."""

import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import pytest
from docker.api.client import APIClient

from paas.engine.body import bridge_name
from paas.engine.packet_filter import (
    GUARD_SECONDS,
    Surroundings,
    apply_arguments,
    guard_arguments,
    remove_arguments,
)
from tests.contract.isolation.host import (
    forget,
    ip,
    isolated,
    listening,
    rules_of,
    without_hooks,
)
from tests.contract.lab import Lab
from tests.eventually import eventually

pytestmark = pytest.mark.docker
OWN_MACHINE = Surroundings(open_ports=[80], has_router=True, has_builds=True)


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
        subprocess.run([*inside, *apply_arguments("abcd2345", OWN_MACHINE)], check=True)
        others = replace(OWN_MACHINE, open_ports=())
        subprocess.run([*inside, *apply_arguments("other234", others)], check=True)
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


def test_a_filter_that_a_firewall_took_away_comes_back_by_itself(
    labs: list[Lab], app: Callable[[str, int], bool], engine_client: APIClient
) -> None:
    gateway, before = f"{labs[0].addresses}.1", rules_of(labs[0].platform)
    [guard] = tools(labs[0].platform, engine_client)
    with listening() as port:
        engine_client.pause(guard.strip("/"))
        without_hooks(labs[0].platform)
        assert app(gateway, port), "or this would show nothing"

        engine_client.unpause(guard.strip("/"))

        def is_back() -> bool:
            return set(before) <= set(rules_of(labs[0].platform))

        # The rules for builds are in a chain of all platforms: who writes it at the same time costs a second look.
        eventually(lambda: is_back() and not app(gateway, port), within=2 * GUARD_SECONDS + 10)


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
            guards = [*guard_arguments(platform, OWN_MACHINE)[:-1], "0.5"]
            argv = [*inside, "sh", "-c", RESTARTED, *guards]
            guard = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            undo.callback(guard.wait)
            undo.callback(guard.terminate)

        def is_whole() -> bool:
            rules = "\n".join(rules_of("PAAS", *inside))
            hooks = [f"-A {chain} -i pb-{platform} -j PAAS-{platform}-{end}"
                     for platform in platforms for chain, end in (("INPUT", "IN"), ("FORWARD", "FWD"))]  # fmt: skip
            return all(line in rules for line in (*hooks, "paas-abcd2345", "paas-other234"))

        eventually(is_whole, within=GUARD_SECONDS)
        for tool in ("iptables", "ip6tables"):
            for verb in ("-F", "-X"):
                subprocess.run([*inside, tool, verb], check=False, capture_output=True)
        eventually(is_whole, within=GUARD_SECONDS)
        time.sleep(1.5)
        orders = set()
        for _ in range(15):
            orders.add(tuple(rules_of("PAAS", *inside)))
            time.sleep(0.1)

    assert len(orders) == 1


def test_a_host_elsewhere_lets_routers_in_and_leaves_docker0_alone() -> None:
    name, here = f"paas{secrets.token_hex(3)}", "abcd2345"
    inside = ["ip", "netns", "exec", name]
    around = Surroundings(open_ports=[80], routers=["10.0.0.1"], hosts=["10.0.0.3", "10.0.0.2"])
    ip("netns", "add", name)
    try:
        for _ in range(2):
            subprocess.run([*inside, *apply_arguments(here, around)], check=True)
        made = rules_of(f"PAAS-{here}-TO", *inside)
        refused = rules_of("ctstate NEW -j REJECT", *inside)
        docker0 = rules_of("docker0", *inside)
        towards_router = rules_of(f"PAAS-{here}-FWD -d 10.0.0.1/32", *inside)
        of_the_host = rules_of(f"PAAS-{here}-IN -p tcp", *inside)
        subprocess.run([*inside, *remove_arguments(here)], check=True)

        assert [rule.partition("10.0.0.1/32 ")[2] for rule in towards_router] == [
            "-p udp -m udp --dport 53 -j RETURN",
            "-p tcp -m multiport --dports 53,80 -j RETURN",
            "-m conntrack --ctstate NEW -j REJECT --reject-with icmp-port-unreachable",
        ]
        assert of_the_host == [f"-A PAAS-{here}-IN -p tcp -m tcp --dport 53 -j RETURN"]
        assert made == [
            f"-A FORWARD -o pb-{here} -j PAAS-{here}-TO",
            f"-A PAAS-{here}-TO -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
            f"-A PAAS-{here}-TO -s 10.0.0.1/32 -j RETURN",
            f"-A PAAS-{here}-TO -j REJECT --reject-with icmp-port-unreachable",
        ]
        assert [rule.split()[3] for rule in refused] == [
            "10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32",
        ]  # fmt: skip
        assert docker0 == [
            f"-A PAAS-{here}-FWD -o docker0 -j REJECT --reject-with icmp-port-unreachable"
        ]
        assert rules_of("PAAS", *inside) == []
    finally:
        ip("netns", "del", name)


def test_hosts_elsewhere_are_closed_to_builds_too_and_each_platform_has_its_own() -> None:
    name = f"paas{secrets.token_hex(3)}"
    inside = ["ip", "netns", "exec", name]
    ip("netns", "add", name)
    try:
        for platform, host in (("abcd2345", "10.0.0.2"), ("other234", "10.0.0.3")):
            around = replace(OWN_MACHINE, hosts=[host])
            subprocess.run([*inside, *apply_arguments(platform, around)], check=True)
        both = rules_of("PAAS-BUILDS-FWD -d 10.0.0", *inside)
        subprocess.run([*inside, *remove_arguments("abcd2345")], check=True)
        left = rules_of("PAAS-BUILDS-FWD -d 10.0.0", *inside)

        assert {rule.split()[3] for rule in both} == {"10.0.0.2/32", "10.0.0.3/32"}
        assert [rule.split()[3] for rule in left] == ["10.0.0.3/32"]
    finally:
        ip("netns", "del", name)


@contextmanager
def empty_machine() -> Iterator[list[str]]:
    """A machine of its own, as far as its packet filter goes: what a command on it begins with."""
    name = f"paas{secrets.token_hex(3)}"
    ip("netns", "add", name)
    try:
        yield ["ip", "netns", "exec", name]
    finally:
        ip("netns", "del", name)


def test_the_own_machine_lets_routers_in_and_closes_their_machines_to_apps_and_builds() -> None:
    here = "abcd2345"
    around = replace(OWN_MACHINE, routers=["10.0.0.7"], hosts=["10.0.0.7", "10.0.0.2"])
    with empty_machine() as inside:
        for _ in range(2):
            subprocess.run([*inside, *apply_arguments(here, around)], check=True)
        let_in = rules_of(f"PAAS-{here}-TO -s", *inside)
        apps = rules_of(f"PAAS-{here}-FWD -d 10.0.0.7/32", *inside)
        builds = rules_of("PAAS-BUILDS-FWD -d 10.0.0.7/32", *inside)
        own_ports = rules_of(f"PAAS-{here}-IN -p tcp -m multiport", *inside)
        subprocess.run([*inside, *remove_arguments(here)], check=True)

        assert let_in == [f"-A PAAS-{here}-TO -s 10.0.0.7/32 -j RETURN"]
        for rules in (apps, builds):
            assert [rule.split()[-1] for rule in rules[:2]] == ["RETURN", "RETURN"]
            assert "--dports 53,80" in rules[1]
            assert all("ctstate NEW" in rule and "REJECT" in rule for rule in rules[2:])
        assert own_ports == [f"-A PAAS-{here}-IN -p tcp -m multiport --dports 80 -j RETURN"]
        assert rules_of("PAAS", *inside) == []


def test_nobody_from_outside_reaches_a_container_where_no_router_is_elsewhere() -> None:
    here = "abcd2345"
    with empty_machine() as inside:
        subprocess.run([*inside, *apply_arguments(here, OWN_MACHINE)], check=True)

        assert rules_of(f"PAAS-{here}-TO", *inside) == [
            f"-A FORWARD -o pb-{here} -j PAAS-{here}-TO",
            f"-A PAAS-{here}-TO -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
            f"-A PAAS-{here}-TO -j REJECT --reject-with icmp-port-unreachable",
        ]


def test_a_host_that_has_a_router_too_opens_its_port_to_the_apps_on_it() -> None:
    here = "abcd2345"
    around = Surroundings(open_ports=[80], routers=["10.0.0.1"], has_router=True)
    with empty_machine() as inside:
        subprocess.run([*inside, *apply_arguments(here, around)], check=True)

        assert rules_of(f"PAAS-{here}-IN -p tcp -m multiport", *inside) == [
            f"-A PAAS-{here}-IN -p tcp -m multiport --dports 80 -j RETURN"
        ]
        assert rules_of("PAAS-BUILDS", *inside) == []
