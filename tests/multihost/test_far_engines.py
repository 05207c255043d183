"""Engines of other machines, as the platform uses them: through tunnels, with images out of its registry."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from paas.daemon.destroy import HostsLeft, destroy
from paas.engine import tunnels
from paas.engine.body import tools_body
from paas.engine.engine import EngineFailed, HostUnreachable
from paas.engine.fit import look
from paas.errors import PaasError
from paas.model.container import ContainerSpec, Published, container_name
from paas.model.host import LOCAL, Host, HostHealth, Schedulable
from paas.model.ssh_url import SshUrl
from paas.supervision import NotRunning
from paas.wiring import Platform
from tests.contract.isolation.host import accepts
from tests.eventually import eventually
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation, paasd
from tests.make import make_host
from tests.multihost.lab import Lab, LabHost
from tests.share import free_ports

pytestmark = pytest.mark.docker
SUBNETS = {"h1": "10.99.0.0/20", "h2": "10.99.16.0/20"}
PORT = 20_001


@dataclass
class Far:
    """A platform with two hosts elsewhere."""

    lab: Lab
    installation: Installation
    hosts: dict[str, LabHost]

    @property
    def platform(self) -> Platform:
        return self.installation.platform

    def url(self, name: str) -> SshUrl:
        return SshUrl.parse(self.hosts[name].ssh_url)

    def answers(self, name: str) -> bool:
        with suppress(HostUnreachable):
            return bool(self.platform.engine.facts(name))
        return False

    def start(self, name: str, container: str, *command: str) -> str:
        """A web process of an app, as it is placed there."""
        address = str(self.hosts[name].address)
        spec = ContainerSpec(
            name=container_name(self.platform.settings.platform, container),
            image=stack_on(self.platform),
            labels={},
            hostname=container,
            env={},
            command=command or ("python3", "-m", "http.server", "5000"),
            published=Published(address, PORT, 5000),
            memory_mb=64,
            cpus=1,
            pids=32,
        )
        self.platform.engine.start(name, spec)
        return spec.name


def stack_on(platform: Platform) -> str:
    return (
        f"127.0.0.1:{platform.settings.registry_port}/paas/{platform.settings.platform}/stack:run"
    )


@pytest.fixture(scope="module")
def installation(the_stack: None) -> Iterator[Installation]:
    [registry_port] = free_ports(1)
    yield from running_installation(registry_port=registry_port)


@pytest.fixture(scope="module")
def far(lab: Lab, installation: Installation) -> Iterator[Far]:
    platform, settings, hosts = (
        installation.platform,
        installation.settings,
        lab.add_all("h1", "h2"),
    )
    settings.hosts_key.write_bytes(lab.key.read_bytes())
    settings.hosts_key.chmod(0o600)
    found = Far(lab, installation, {host.name: host for host in hosts})
    for host in hosts:
        row = registered(host, found)
        platform.hosts.add(row)
        tunnels.open_tunnel(row, settings)
    eventually(lambda: found.answers("h1") and found.answers("h2"), within=20)
    eventually(lambda: pushed(platform), within=60)
    for host in hosts:
        with tunnels.alone(host.name, settings):  # `watch` is at it too
            platform.engine.prepare(host.name, SUBNETS[host.name])
    yield found
    for host in hosts:
        with suppress(NotRunning):
            tunnels.close_tunnel(host.name, settings)
        platform.hosts.remove(host.name)


def registered(host: LabHost, far: Far) -> Host:
    settings = far.installation.settings
    found = look(SshUrl.parse(host.ssh_url), settings, host.host_key)
    return make_host(
        host.name,
        url=f"unix://{settings.far_engines / host.name}.sock",
        subnet=SUBNETS[host.name],
        arch=found.arch,
        address=found.address,
        ssh_url=host.ssh_url,
        host_key=found.host_key,
        schedulable=Schedulable.OPEN,
        health=HostHealth.UP,
    )


def pushed(platform: Platform) -> bool:
    settings = platform.settings
    with suppress(PaasError):
        platform.engine.push(LOCAL, settings.stack_run, f"paas/{settings.platform}/stack", "run")
        return True
    return False


def test_an_engine_elsewhere_tells_what_it_is(far: Far) -> None:
    facts = far.platform.engine.facts("h1")

    assert facts.arch in ("amd64", "arm64")
    assert facts.disk_free_mb > 0


def test_a_container_that_is_tried_there_answers_and_reaches_nothing(far: Far) -> None:
    begin = time.monotonic()

    for name in far.hosts:
        far.platform.engine.probe(name)

    assert time.monotonic() - begin < 20
    assert [far.platform.engine.list(name) for name in far.hosts] == [[], []]


def test_what_is_published_is_reached_by_the_router_alone(far: Far) -> None:
    h1, h2 = far.hosts.values()
    name = far.start("h1", "web1")
    far.start("h2", "web2")
    eventually(lambda: accepts(str(h1.address), PORT))
    eventually(lambda: accepts(str(h2.address), PORT))

    connect = ["bash", "-c", "exec 3<>/dev/tcp/$0/$1"]
    from_host = far.lab.enter(h2, "timeout", "5", *connect, str(h1.address), str(PORT))
    assert subprocess.run(from_host, check=False, capture_output=True).returncode == 1
    for target, port in ((h2, PORT), (h1, PORT), (h1, h1.ssh_port), (h2, h2.ssh_port)):
        argv = ["timeout", "5", *connect, str(target.address), str(port)]
        code, said = far.platform.engine.exec("h1", name, argv)
        assert code == 1, (target.name, port, said)
    for host in far.hosts:
        for seen in far.platform.engine.list(host):
            far.platform.engine.remove(host, seen.name)


@pytest.mark.long
def test_a_tunnel_is_back_soon_after_the_network_is(far: Far) -> None:
    h1 = far.hosts["h1"]
    far.lab.cut(h1)
    eventually(lambda: not far.answers("h1"), within=30)
    time.sleep(30)

    far.lab.heal(h1)

    eventually(lambda: far.answers("h1"), within=20)
    stack = stack_on(far.platform)
    repository = stack.partition("/")[2].partition(":")[0]
    assert far.platform.engine.push("h1", stack, repository, "run").startswith("127.0.0.1:")
    far.platform.engine.probe("h1")


def test_a_host_that_was_off_is_reached_again(far: Far) -> None:
    h1 = far.hosts["h1"]
    far.lab.kill(h1)
    eventually(lambda: not far.answers("h1"), within=30)

    far.lab.reboot(h1)

    eventually(lambda: far.answers("h1"), within=20)
    far.platform.engine.probe("h1")


def test_a_probe_tells_of_a_filter_that_is_not_there(far: Far) -> None:
    engine, h2 = far.platform.engine, far.hosts["h2"]
    own = f"PAAS-{far.platform.settings.platform}"
    guard = f"paas-{far.platform.settings.platform}-filter"
    far.lab.docker(h2).api.pause(guard)
    subprocess.run(far.lab.enter(h2, "iptables", "-F", f"{own}-IN"), check=True)

    with pytest.raises(EngineFailed, match="reaches"):
        engine.probe("h2")

    far.lab.docker(h2).api.unpause(guard)
    with tunnels.alone("h2", far.installation.settings):
        engine.prepare("h2", SUBNETS["h2"])
    engine.probe("h2")


def test_tunnels_come_back_with_the_platform_and_outlive_an_upgrade(far: Far) -> None:
    far.installation.stop()
    assert not far.answers("h1")
    far.installation.run()
    eventually(lambda: far.answers("h1") and far.answers("h2"), within=20)
    eventually(lambda: pushed(far.platform), within=20)
    before = {name: far.installation.process(name).pid for name in ("tunnel-h1", "registry")}

    paasd("upgrade", str(far.installation.directory))

    assert {name: far.installation.process(name).pid for name in before} == before


def test_a_platform_that_is_destroyed_is_gone_from_every_host_that_can_be_reached(far: Far) -> None:
    """The last test: it ends the platform."""
    h1, h2 = far.hosts.values()
    far.start("h1", "web3")
    settings, told = far.platform.settings, list[str]()
    left_by_a_killed_process(far, h1)
    far.lab.kill(h2)

    with pytest.raises(HostsLeft, match="h2 is left there"):
        destroy(settings, settings.platform, told.append)

    assert "Removed 1 containers on h1" in told
    engine = far.lab.docker(h1).api
    assert engine.containers(all=True) == []
    assert engine.images() == []
    assert [each["Name"] for each in engine.networks() if settings.platform in each["Name"]] == []
    rules = subprocess.run(far.lab.enter(h1, "iptables-save"), capture_output=True, check=True)
    assert settings.platform.encode() not in rules.stdout


def left_by_a_killed_process(far: Far, host: LabHost) -> None:
    body = tools_body(far.platform.settings.platform, stack_on(far.platform), ["true"])
    far.lab.docker(host).api.create_container_from_config(body)
