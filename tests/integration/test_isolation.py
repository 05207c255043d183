"""What an app reaches while it is built and while it runs, by a buildpack and by a Dockerfile, on a real platform."""

import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.integration.installation import Installation
from tests.integration.user import User

DOCKERFILE = """\
FROM paas/stack:run
COPY . .
RUN ["python3", "explore.py", "built.json"]
CMD ["python3", "server.py"]
"""
KINDS = ("buildpack", "dockerfile")
MOMENTS = ("build", "run")
Target = Sequence[str | int]


@dataclass
class Ear:
    """A listener of the host's own, on every address of it; what it heard, by TCP and by UDP."""

    stream: socket.socket
    datagrams: socket.socket

    @classmethod
    def opened(cls) -> "Ear":
        stream = socket.create_server(("0.0.0.0", 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind(stream.getsockname())
        datagrams.settimeout(0.5)
        return cls(stream, datagrams)

    @property
    def port(self) -> int:
        return int(self.stream.getsockname()[1])

    def heard(self) -> bytes:
        try:
            return self.datagrams.recv(100)
        except TimeoutError:
            return b""

    def close(self) -> None:
        self.stream.close()
        self.datagrams.close()


@dataclass
class Explored:
    found: Mapping[tuple[str, str], Mapping[str, str]]
    """By kind and moment: each target, and what became of it."""
    heard_by_udp: bytes

    def reached(self, kind: str, moment: str) -> set[str]:
        return {name for name, what in self.found[kind, moment].items() if what == "reached"}


@pytest.fixture(scope="module")
def explored(installation: Installation) -> Iterator[Explored]:
    explorer = installation.welcomes("explorer")
    neighbour = installation.welcomes("neighbour")
    with ExitStack() as undo:
        undo.callback(neighbour.leaves)
        undo.callback(explorer.leaves)
        neighbour.deployed("echo-env", "next-door")
        ear = Ear.opened()
        undo.callback(ear.close)
        targets = json.dumps(all_targets(installation, neighbour, ear))

        for kind, files in zip(KINDS, ({}, {"Dockerfile": DOCKERFILE}), strict=True):
            explorer.creates(kind)
            files = {**files, "targets.json": targets}
            push = explorer.pushes("explorer", to=kind, files=files)
            assert push.accepted, push.output
        answers = {kind: explorer.visits(kind).json() for kind in KINDS}
        yield Explored(
            {(kind, moment): answers[kind][moment] for kind in KINDS for moment in MOMENTS},
            ear.heard(),
        )


def all_targets(installation: Installation, neighbour: User, ear: Ear) -> Mapping[str, Target]:
    settings = installation.settings
    gateway = str(ip_network(settings.subnet)[1])
    hosts = {"gateway": gateway, "docker0": "172.17.0.1", "host": own_address()}
    ports = {
        "API": settings.api_port,
        "door": settings.ssh_port,
        "listener": ear.port,
        "engine": 2375,
        "host's sshd": 22,
    }
    (row,) = installation.platform.containers.of(app_id(installation, "next-door"))
    assert row.address is not None
    files = {
        "record": settings.record,
        "config key": settings.keys,
        "door's token": settings.door / "token",
        "settings": settings.directory / "settings.toml",
    }
    sockets = {
        "engine": "/var/run/docker.sock",
        "redis": settings.redis_socket,
        "API": settings.api_socket,
        "HAProxy": settings.router / "admin.sock",
    }
    assert all(path.exists() for path in files.values())
    assert all(Path(path).exists() for path in sockets.values())
    return {
        **{f"{name} at {at}": ("tcp", host, port)
           for name, port in ports.items() for at, host in hosts.items()},
        **{f"listener at {at} by UDP": ("udp", host, ear.port) for at, host in hosts.items()},
        **{f"{name}'s file": ("file", f"{path}") for name, path in files.items()},
        **{f"{name}'s socket": ("unix", f"{path}") for name, path in sockets.items()},
        "another app": ("tcp", row.address, 5000),
        "metadata": ("tcp", "169.254.169.254", 80),
        "the packages": ("url", "https://pypi.org/simple/pip/"),
    }  # fmt: skip


def own_address() -> str:
    """The one that the host is known by to others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))  # a datagram's connect sends nothing
        return str(asking.getsockname()[0])


def app_id(installation: Installation, name: str) -> str:
    return installation.platform.apps.named(name).id


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_app_reaches_the_outside_and_nothing_of_the_platform(
    explored: Explored, kind: str, moment: str
) -> None:
    reached = {name for name in explored.reached(kind, moment) if not name.endswith("by UDP")}

    assert reached == {"the packages"}, explored.found[kind, moment]


def test_what_an_app_sends_to_the_host_without_asking_does_not_arrive(explored: Explored) -> None:
    assert explored.heard_by_udp == b""


def test_a_dockerfile_cannot_ask_for_the_hosts_network(user: User) -> None:
    user.creates("greedy")

    push = user.pushes(
        None, to="greedy", files={"Dockerfile": "FROM paas/stack:run\nRUN --network=host true\n"}
    )

    assert push.rejected
    assert "-----> Build failed" in push.output


def test_a_cache_mount_is_the_apps_own(user: User, installation: Installation) -> None:
    mount = f"--mount=type=cache,id={installation.settings.platform},target=/app/kept,uid=20000"
    serve = 'CMD ["python3", "-m", "http.server", "5000"]'
    for app in ("first", "second"):
        user.creates(app)

    pushes = [
        user.pushes(None, to=app, files={
            "Dockerfile": f"FROM paas/stack:run\nRUN {mount} {step}\n{serve}\n"
        })
        for app, step in (
            ("first", "touch /app/kept/mine"),
            ("second", "test ! -e /app/kept/mine"),
            ("first", "test -e /app/kept/mine"),
        )
    ]  # fmt: skip

    assert [push.output for push in pushes if push.rejected] == []
