"""Hosts as an operator adds, drains and removes them; and what is told of one that cannot be added."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from paas.engine.ssh import REGISTRY
from paas.model.container import FILLS
from paas.model.host import HostHealth, Schedulable
from paas.supervision import Supervision
from paas.wiring import Platform
from tests.eventually import eventually
from tests.integration.installation import Installation
from tests.integration.user import Said, User
from tests.multihost.lab import Lab, LabHost

NOBODY = "SHA256:" + "A" * 43
TOO_SMALL_MB = 200
"""The image of the tools does not fit."""


@dataclass
class Site:
    lab: Lab
    installation: Installation
    admin: User

    @property
    def platform(self) -> Platform:
        return self.installation.platform

    def adds(self, host: LabHost, *, url: str = "", options: str = "") -> Said:
        return self.admin.types(f"paas hosts:add {host.name} {url or host.ssh_url} {options}")

    def names(self) -> list[str]:
        return [host.name for host in self.platform.hosts.all()]

    def programs(self) -> list[str]:
        return sorted(path.stem for path in self.installation.settings.programs.glob("*.conf"))

    def left_on(self, host: LabHost) -> list[str]:
        """What is there of ours: containers, networks, images, chains of the packet filter."""
        docker, mark = self.lab.docker(host), self.installation.settings.platform
        found = [box.name for box in docker.containers.list(all=True)]
        found += [network.name for network in docker.networks.list() if mark in network.name]
        found += [tag for image in docker.images.list() for tag in image.tags if mark in tag]
        told = subprocess.run(
            self.lab.enter(host, "iptables-save"), capture_output=True, text=True, check=True
        )
        return found + [line for line in told.stdout.splitlines() if mark.upper() in line.upper()]

    def dynos_on(self, host: str) -> list[str]:
        rows = self.platform.containers.on(host)
        return sorted(row.dyno.name for row in rows if row.state in FILLS)


@pytest.fixture(scope="module")
def site(the_stack: None, lab: Lab) -> Iterator[Site]:
    """A platform on its own machine. No host knows its key yet."""
    installation = Installation.make()
    try:
        installation.run()
        yield Site(lab, installation, installation.welcomes("root", is_admin=True))
    finally:
        installation.destroy()


@pytest.fixture(scope="module")
def h1(site: Site) -> LabHost:
    """A machine that lets the platform in, and is not registered."""
    host = site.lab.add("h1")
    key = site.admin.types("paas hosts:key").out
    with site.lab.key.with_suffix(".pub").open("a") as authorized_keys:
        authorized_keys.write(key)
    return host


@pytest.fixture(autouse=True)
def nothing_stays(site: Site) -> Iterator[None]:
    """A test that fails halfway leaves no host registered to those that follow."""
    yield
    site.admin.leaves()
    if "h1" in site.names():
        site.admin.types("paas hosts:drain h1")
        site.admin.types("paas hosts:remove h1")


@pytest.fixture
def registered(site: Site, h1: LabHost) -> Iterator[LabHost]:
    """The same, registered, and removed afterwards."""
    said = site.adds(h1)
    assert said.code == 0, said.text
    yield h1
    site.admin.leaves()
    said = site.admin.types("paas hosts:drain h1")
    assert said.code == 0, said.text
    said = site.admin.types("paas hosts:remove h1")
    assert said.code == 0, said.text


def test_a_host_that_does_not_know_the_platform_is_told_what_to_add(site: Site) -> None:
    host = site.lab.add("stranger")

    error = site.adds(host).error

    key = site.admin.types("paas hosts:key").out.strip()
    assert error.startswith("paas: stranger was not registered (ssh): ")
    assert f"authorized_keys there: {key}" in error
    assert site.names() == ["local"]


def test_a_host_is_added_with_its_key_shown_and_pinned(site: Site, h1: LabHost) -> None:
    said = site.adds(h1)

    assert said.code == 0, said.text
    shown = [line for line in said.err.splitlines() if "host key SHA256:" in line]
    assert len(shown) == 1
    host = site.platform.hosts.get("h1")
    assert (host.schedulable, host.health) == (Schedulable.OPEN, HostHealth.UP)
    assert (host.host_key, host.address) == (h1.host_key, str(h1.address))
    assert site.programs() == [REGISTRY, "tunnel-h1"]

    listed = site.admin.types("paas hosts").out
    assert f"h1     {h1.address}" in listed
    assert "tunnel up" in listed
    doctor = json.loads(site.admin.types("paas doctor --json").out)
    lines = {each["name"]: each["state"] for each in doctor}
    assert (lines["host h1"], lines["engine of h1"], lines["container on h1"]) == ("ok", "ok", "ok")

    said = site.admin.types("paas hosts:remove h1")
    assert said.code == 0, said.text
    assert site.left_on(h1) == []
    assert (site.names(), site.programs()) == (["local"], [])


def test_dynos_are_spread_explained_drained_and_come_back(site: Site, registered: LabHost) -> None:
    admin = site.admin
    admin.deployed("echo-env", "shop")
    assert admin.types("paas scale web=4 -a shop").code == 0
    assert len(site.dynos_on("local")) == len(site.dynos_on("h1")) == 2

    explained = admin.types("paas explain web.1 -a shop").out
    assert explained.startswith("web.1 is on ")
    there = next(row for row in site.platform.containers.on("h1") if row.state in FILLS)
    assert there.endpoint == (str(registered.address), there.published)
    assert {admin.visits("shop").status_code for _ in range(20)} == {200}

    drained = admin.types("paas hosts:drain h1")
    assert drained.code == 0, drained.text
    assert " to move: shop web." in drained.err
    assert (site.dynos_on("local"), site.dynos_on("h1")) == (
        ["web.1", "web.2", "web.3", "web.4"],
        [],
    )
    assert {admin.visits("shop").status_code for _ in range(20)} == {200}

    assert admin.types("paas hosts:undrain h1").code == 0
    assert admin.types("paas scale web=6 -a shop").code == 0
    assert len(site.dynos_on("h1")) == 2


def test_a_host_is_not_removed_while_something_runs_there(site: Site, registered: LabHost) -> None:
    site.admin.deployed("echo-env", "shop")
    assert site.admin.types("paas scale web=2 -a shop").code == 0
    assert site.dynos_on("h1")

    assert site.admin.types("paas hosts:remove h1").error.startswith(
        "paas: h1 cannot be removed: 1 container is there. Nothing was changed."
    )
    assert site.admin.types("paas hosts:remove h1 --lost").error.startswith(
        "paas: h1 is not lost: it is up."
    )
    assert site.platform.hosts.get("h1").schedulable is Schedulable.OPEN


def test_what_a_lost_host_ran_is_elsewhere_and_the_host_may_come_again(
    site: Site, h1: LabHost
) -> None:
    assert site.adds(h1).code == 0
    site.admin.deployed("echo-env", "shop")
    assert site.admin.types("paas scale web=2 -a shop").code == 0
    site.lab.cut(h1)
    assert site.admin.types("paas hosts:drain h1 --force").code == 0

    assert site.admin.types("paas hosts:remove h1 --lost").code == 0

    eventually(lambda: len(site.dynos_on("local")) == 2, within=30)
    assert (site.names(), site.programs()) == (["local"], [])
    assert {site.admin.visits("shop").status_code for _ in range(10)} == {200}
    site.lab.heal(h1)
    assert any(site.left_on(h1))

    said = site.adds(h1)

    assert said.code == 0, said.text
    docker = site.lab.docker(h1)
    eventually(
        lambda: (
            [box.name for box in docker.containers.list(all=True)]
            == [f"paas-{site.installation.settings.platform}-filter"]
        ),
        within=30,
    )  # beside it for a moment whoever looks after it
    site.admin.leaves()
    assert site.admin.types("paas hosts:remove h1").code == 0


def test_a_registration_outlives_its_worker(site: Site, h1: LabHost) -> None:
    adding = site.admin.begins(f"paas hosts:add h1 {h1.ssh_url}")
    eventually(lambda: "tunnel-h1" in site.programs(), within=20)

    site.installation.kill("upkeep-1")

    assert adding.wait(60) == 0
    assert site.platform.hosts.get("h1").schedulable is Schedulable.OPEN
    assert site.admin.types("paas hosts:remove h1").code == 0
    assert site.left_on(h1) == []


def test_a_host_elsewhere_is_no_secret_to_ordinary_people_but_what_becomes_of_it_is_not_theirs(
    site: Site,
) -> None:
    ben = site.installation.welcomes("ben")

    assert ben.types("paas hosts").code == 0
    for words in ("add h2 ssh://a@10.0.0.9", "drain local", "remove local", "undrain local"):
        assert "Only an admin may do this" in ben.types(f"paas hosts:{words}").error


# What cannot be: one line with host, stage, cause and next command; and nothing has changed.


@pytest.fixture
def unchanged(site: Site, h1: LabHost) -> Iterator[None]:
    before = (site.names(), site.programs(), site.left_on(h1))
    yield
    assert (site.names(), site.programs(), site.left_on(h1)) == before


def refused(site: Site, words: str, *said: str) -> None:
    error = site.admin.types(f"paas {words}").error
    for each in said:
        assert each in error, error


@pytest.mark.usefixtures("unchanged")
def test_a_host_that_is_not_known(site: Site) -> None:
    for words in ("drain", "undrain", "remove"):
        refused(site, f"hosts:{words} h9", "There is no host 'h9'. See: paas hosts")
    refused(
        site,
        "hosts:add h9 ssh://deploy@no-such-host.invalid",
        "h9 was not registered (ssh): ",
        "no-such-host.invalid",
        "Nothing was changed.",
    )


@pytest.mark.usefixtures("unchanged")
def test_a_host_that_cannot_be_reached(site: Site, h1: LabHost) -> None:
    nobody = site.lab.subnet[250]
    refused(
        site,
        f"hosts:add h9 ssh://deploy@{nobody}",
        "h9 was not registered (ssh): ",
        f"Try: ssh -p 22 deploy@{nobody}",
    )
    refused(
        site,
        f"hosts:add h9 ssh://deploy@{h1.address}:9",
        "h9 was not registered (ssh): ",
        f"{h1.address}:9 cannot be reached: Connection refused",
    )


@pytest.mark.usefixtures("unchanged")
def test_a_host_with_another_key(site: Site, h1: LabHost) -> None:
    refused(
        site,
        f"hosts:add h1 {h1.ssh_url} --host-key {NOBODY}",
        "h1 was not registered (ssh): ",
        f"not {NOBODY}",
        "ssh-keygen -lf",
    )


@pytest.mark.usefixtures("unchanged")
def test_a_demanded_key_that_can_be_none(site: Site, h1: LabHost) -> None:
    refused(site, f"hosts:add h1 {h1.ssh_url} --host-key SHA256:x", "is not the fingerprint of a")


@contextmanager
def answers(host: LabHost, name: str, mode: int, version: str) -> Iterator[str]:
    """What says that it is a Docker engine, on another socket of the host: its URL."""
    path = host.socket.with_name(name)
    body = json.dumps({"Version": version, "Arch": "amd64", "ApiVersion": "1.40"})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(mode)
        listener.listen()
        listener.settimeout(0.2)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                with suppress(TimeoutError):
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(4096)
                        head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                        connection.sendall(f"{head}{body}".encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield host.ssh_url.replace(str(host.socket), str(path))
        finally:
            is_over.set()
            thread.join()
            path.unlink()


@pytest.mark.usefixtures("unchanged")
def test_an_engine_that_is_too_old(site: Site, h1: LabHost) -> None:
    with answers(h1, "old.sock", 0o666, "19.03.15") as url:
        refused(
            site,
            f"hosts:add h1 {url}",
            "h1 was not registered (ssh): ",
            "Docker 19.03.15 is too old: 20.10 is needed. There: docker version",
        )


@pytest.mark.usefixtures("unchanged")
def test_what_is_no_engine(site: Site, h1: LabHost) -> None:
    with answers(h1, "odd.sock", 0o666, "none") as url:
        refused(
            site,
            f"hosts:add h1 {url}",
            "h1 was not registered (ssh): ",
            "what answers there is no Docker engine. There: docker version",
        )


@pytest.mark.usefixtures("unchanged")
def test_an_sshd_that_carries_no_sockets(site: Site, h1: LabHost) -> None:
    told = h1.socket.with_name("sshd_config").read_text()
    closed = h1.socket.with_name("closed_sshd_config")
    closed.write_text(
        told.replace(f"{h1.address}:{h1.ssh_port}", f"{h1.address}:2222").replace(
            "AllowStreamLocalForwarding yes", "AllowStreamLocalForwarding no"
        )
    )
    sshd = ("/usr/sbin/sshd", "-f", f"{closed}")
    subprocess.run(site.lab.enter(h1, *sshd), check=True, capture_output=True)

    refused(
        site,
        f"hosts:add h1 ssh://{h1.user}@{h1.address}:2222?socket={h1.socket}",
        "h1 was not registered (ssh): ",
        f"sshd on {h1.address} carries no sockets (in its sshd_config: AllowStreamLocalForwarding yes)",
    )


@pytest.mark.usefixtures("unchanged")
def test_an_engine_whose_socket_may_not_be_used(site: Site, h1: LabHost) -> None:
    with answers(h1, "closed.sock", 0o600, "20.10.24") as url:
        refused(
            site,
            f"hosts:add h1 {url}",
            "h1 was not registered (ssh): ",
            "deploy may not use ",
            "usermod -aG root deploy",
        )


@pytest.mark.usefixtures("unchanged")
def test_a_socket_that_is_not_there(site: Site, h1: LabHost) -> None:
    refused(
        site,
        f"hosts:add h1 ssh://{h1.user}@{h1.address}:{h1.ssh_port}?socket=/no/such.sock",
        "h1 was not registered (ssh): ",
        "has no socket /no/such.sock",
        "?socket=PATH",
    )


@pytest.mark.usefixtures("unchanged", "h1")
def test_a_host_without_room_on_its_disk(site: Site) -> None:
    small = site.lab.add("small", disk_mb=TOO_SMALL_MB)

    error = site.adds(small).error

    assert error.startswith("paas: small was not registered (rules): "), error
    assert "no space left" in error
    assert site.left_on(small) == []


def test_a_host_that_is_registered_already(site: Site, registered: LabHost) -> None:
    other = registered.ssh_url.replace("h1", "h2")
    refused(site, f"hosts:add h1 {other}", "is registered already, as host h1. Nothing was changed")
    refused(site, f"hosts:add h2 {registered.ssh_url}", "is registered already, as host h1.")
    assert site.names() == ["h1", "local"]


def test_a_registry_that_does_not_answer(site: Site, registered: LabHost) -> None:
    other = site.lab.add("h2")
    supervision = Supervision(site.installation.settings)
    supervision.stop([REGISTRY])
    try:
        error = site.adds(other).error
    finally:
        supervision.restart(REGISTRY)

    assert error.startswith("paas: h2 was not registered (registry): "), error
    assert error.endswith("Nothing was changed.")
    assert site.names() == [registered.name, "local"]
    assert site.left_on(other) == []


@pytest.mark.usefixtures("unchanged")
def test_the_last_host_and_the_platforms_own(site: Site) -> None:
    refused(site, "hosts:remove local", "local is the only host that takes containers")
    refused(site, "hosts:drain local", "local is the only host that takes containers")


@pytest.mark.usefixtures("registered")
def test_the_platforms_own_machine_need_not_be_a_host(site: Site) -> None:
    admin = site.admin
    refused(
        site, "hosts:remove local --lost", "local is not lost: it is the platform's own machine"
    )
    admin.deployed("echo-env", "shop")
    try:
        for line in ("drain local", "remove local"):
            said = admin.types(f"paas hosts:{line}")
            assert said.code == 0, said.text
        assert "build-only" in admin.types("paas hosts").out
        assert {admin.visits("shop").status_code for _ in range(20)} == {200}

        pushed = admin.pushes("echo-env", to="shop", files={"again": ""})

        assert pushed.accepted, pushed.output
        assert admin.types("paas scale web=3 -a shop").code == 0
        assert (site.dynos_on("local"), len(site.dynos_on("h1"))) == ([], 3)
        assert {admin.visits("shop").status_code for _ in range(20)} == {200}
        refused(site, "hosts:drain h1", "h1 is the only host that takes containers")
    finally:
        back = admin.types("paas hosts:undrain local")
    assert back.code == 0, back.text
    assert admin.types("paas scale web=4 -a shop").code == 0
    assert len(site.dynos_on("local")) == 1
