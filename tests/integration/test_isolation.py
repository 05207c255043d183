"""What an app's code reaches, running and being built: the outside, the router, and nothing of ours."""

import json
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from ipaddress import ip_network

import pytest

from paas.model.container import UP
from tests.integration.conftest import running_installation
from tests.integration.installation import Installation
from tests.integration.user import User

PROBE = """
import json, os, socket, sys
told, files = {}, json.loads(sys.argv[2])
for name, (host, port) in json.loads(sys.argv[1]).items():
    try:
        socket.create_connection((host, port), 2).close()
        told[name] = True
    except OSError:
        told[name] = False
sockets = ("/var/run/docker.sock", "/run/docker.sock")
told["a socket of the engine"] = any(map(os.path.exists, sockets))
told["root"] = os.getuid() == 0
told["a file of the platform"] = any(map(os.path.exists, files))
inet6 = "/proc/net/if_inet6"
told["IPv6"] = os.path.exists(inet6) and any(" lo" not in line for line in open(inet6))
print("PROBED", json.dumps(told))
"""
Targets = Mapping[str, tuple[str, int]]


@pytest.fixture(scope="module")
def house(the_stack: None) -> Iterator[Installation]:
    """Its router and its door listen on all addresses of this machine."""
    yield from running_installation(bind="0.0.0.0")


@pytest.fixture(scope="module")
def finn(house: Installation) -> Iterator[User]:
    finn = house.welcomes("finn")
    finn.deployed("python-web", "neighbour")
    finn.deployed("python-web", "shop")
    yield finn
    finn.leaves()


@pytest.fixture(scope="module")
def machine() -> str:
    """An address of this machine that is not loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))
        return str(asked.getsockname()[0])


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """The port of a program of this machine that is none of the platform's."""
    by_both = {"family": socket.AF_INET6, "dualstack_ipv6": True}
    with socket.create_server(("::", 0), **by_both) as server:
        is_over = threading.Event()
        server.settimeout(0.2)

        def accept() -> None:
            while not is_over.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=accept)
        thread.start()
        yield int(server.getsockname()[1])
        is_over.set()
        thread.join()


@pytest.fixture(scope="module")
def closed(house: Installation, finn: User, machine: str, listener: int) -> Targets:
    settings, platform = house.settings, house.platform
    gateway = str(ip_network(settings.subnet)[1])
    app = platform.apps.named("neighbour")
    neighbour = next(row for row in platform.containers.of(app.id) if row.state is UP)
    assert neighbour.address and neighbour.port
    ports = {
        "sshd": settings.ssh_port, "the API": settings.api_port, "a program": listener,
        "Redis": 6379, "the engine": 2375, "the engine by TLS": 2376,
    }  # fmt: skip
    by = {"the gateway": gateway, "the machine": machine, "the builds' bridge": "172.17.0.1"}
    by |= {f"IPv6 {address}": address for address in addresses_of_ipv6()}
    reached = {
        f"{what} by {way}": (address, port)
        for way, address in by.items()
        for what, port in ports.items()
    }
    return reached | {
        "the API on its own": ("127.0.0.1", settings.api_port),
        "the metadata server": ("169.254.169.254", 80),
        "the metadata server by IPv6": ("fd00:ec2::254", 80),
        "another app": (neighbour.address, neighbour.port),
    }


def addresses_of_ipv6() -> set[str]:
    """Of this machine; a bridge's own is good on the container's side of it."""
    listed = subprocess.run(["ip", "-6", "-j", "addr"], capture_output=True, text=True, check=True)
    return {
        f"{one['local']}%eth0" if one["scope"] == "link" else one["local"]
        for link in json.loads(listed.stdout)
        if link["ifname"].startswith(("pb-", "docker", "eth", "en"))
        for one in link["addr_info"]
        if one.get("family") == "inet6"
    }


@pytest.fixture(scope="module")
def files(house: Installation) -> list[str]:
    """The record, sockets, keys: none of them is in a container."""
    settings = house.settings
    return [str(path) for path in (
        settings.directory, settings.record, settings.redis_socket, settings.api_socket, settings.keys,
    )]  # fmt: skip


def probed(text: str) -> dict[str, bool]:
    told: dict[str, bool] = json.loads(text.split("PROBED ", 1)[1].split("}", 1)[0] + "}")
    return told


def test_the_machine_reaches_what_an_app_must_not(closed: Targets) -> None:
    """Or what follows would show nothing."""
    for name in ("sshd by the machine", "a program by the gateway", "another app"):
        socket.create_connection(closed[name], 2).close()


def test_a_running_app_reaches_nothing_of_ours(
    finn: User, closed: Targets, files: list[str]
) -> None:
    words = ["python3", "-c", PROBE, json.dumps(closed), json.dumps(files)]

    said = finn.types(shlex.join(["paas", "run", "--no-tty", "-a", "shop", "--", *words]))

    assert said.code == 0, said.text
    assert {name for name, is_reached in probed(said.out).items() if is_reached} == set()


def test_a_running_app_reaches_the_router(finn: User, house: Installation, machine: str) -> None:
    router = json.dumps({"router": [machine, house.settings.http_port]})
    words = ["python3", "-c", PROBE, router, "[]"]

    said = finn.types(shlex.join(["paas", "run", "--no-tty", "-a", "shop", "--", *words]))

    assert probed(said.out)["router"], said.text


def test_a_dockerfiles_steps_reach_nothing_of_ours(
    finn: User, closed: Targets, files: list[str]
) -> None:
    finn.creates("docked")
    dockerfile = f"""
FROM paas/stack:run
COPY . .
RUN python3 probe.py {shlex.quote(json.dumps(closed))} {shlex.quote(json.dumps(files))}
CMD ["python3", "server.py"]
"""

    push = finn.pushes(
        "dockerfile-web", to="docked", files={"Dockerfile": dockerfile, "probe.py": PROBE}
    )

    told = probed(push.output)
    assert {name for name, is_reached in told.items() if is_reached} <= {"root"}, push.output


def test_a_buildpacks_steps_reach_nothing_of_ours(
    finn: User, closed: Targets, files: list[str]
) -> None:
    finn.creates("packed")
    built = "require('fs').writeFileSync('built.json', '{}')"
    script = f"""
const words = ['probe.py', {json.dumps(json.dumps(closed))}, {json.dumps(json.dumps(files))}];
require('child_process').execFileSync('python3', words, {{stdio: 'inherit'}});
{built};
"""

    push = finn.pushes("node-web", to="packed", files={"build.js": script, "probe.py": PROBE})

    told = probed(push.output)
    assert {name for name, is_reached in told.items() if is_reached} == set(), push.output
