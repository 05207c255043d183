"""The lab does what it says."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from docker.api.client import APIClient
from docker.errors import ContainerError

from tests.eventually import eventually
from tests.multihost.answering import (
    IMAGE,
    answer,
    answer_on,
    give_image,
    is_answered,
    start_answering,
)
from tests.multihost.box import answers
from tests.multihost.lab import ROOT_ENGINE, Lab, LabHost, running_lab
from tests.multihost.leftovers import DISK, MEMORY, control_groups

ROOT = Path(__file__).parents[2]
PORT = 8080
OWNER = """
import sys
from tests.contract.image import image_tar
from tests.multihost.answering import give_image, start_answering
from tests.multihost.lab import running_lab
with running_lab() as lab:
    h1 = lab.add("h1")
    give_image(lab, h1, image_tar("haproxy"))
    start_answering(lab, h1, "h1-web", 8080)
    lab.hang(h1)
    print(lab.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def hosts(lab: Lab, answering_image: bytes) -> list[LabHost]:
    """Two, each with a container that answers. A test leaves them healthy."""
    begin = time.monotonic()
    hosts = lab.add_all("h1", "h2")
    assert time.monotonic() - begin < 10
    for host in hosts:
        give_image(lab, host, answering_image)
        start_answering(lab, host, f"{host.name}-web", PORT)
        eventually(partial(is_answered, host, PORT, f"{host.name}-web"))
    return hosts


@contextmanager
def tunnel(lab: Lab, host: LabHost, here: Path) -> Iterator[Path]:
    """To the host's engine, through its sshd; the local end."""
    here.mkdir()
    known = here / "known_hosts"
    known.write_text(f"{host.address} {host.host_key}\n")
    options = ["BatchMode=yes", f"UserKnownHostsFile={known}", "StrictHostKeyChecking=yes"]
    options += ["ExitOnForwardFailure=yes", "ServerAliveInterval=1", "IdentitiesOnly=yes"]
    argv = ["ssh", "-N", *(f"-o{option}" for option in options), f"-i{lab.key}"]
    where = [f"-L{here / 'engine.sock'}:{host.socket}", f"-p{host.ssh_port}"]
    with subprocess.Popen([*argv, *where, f"{host.user}@{host.address}"]) as ssh:
        try:
            eventually(lambda: answers(here / "engine.sock"))
            yield here / "engine.sock"
        finally:
            ssh.terminate()


def test_a_host_has_an_engine_of_its_own(lab: Lab, hosts: list[LabHost]) -> None:
    told = [lab.docker(host).info() for host in hosts]

    assert [info["Name"] for info in told] == ["h1", "h2"]
    assert len({info["ID"] for info in told}) == 2
    assert {info["Driver"] for info in told} == {"overlay2"}
    for host in hosts:
        names = [container.name for container in lab.docker(host).containers.list(all=True)]
        assert names == [f"{host.name}-web"]


def test_a_user_who_is_not_root_reaches_the_engine_through_sshd(
    lab: Lab, hosts: list[LabHost], tmp_path: Path
) -> None:
    h1 = hosts[0]
    assert h1.ssh_url == f"ssh://deploy@{h1.address}:22?socket={h1.socket}"
    with tunnel(lab, h1, tmp_path / "t") as local:
        assert answers(local)

    asked = [
        "ssh",
        "-oBatchMode=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
    ]
    asked += [f"-i{lab.key}", f"deploy@{h1.address}", f"id -u; test -r {lab.key} || hostname"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["58000", "h1"]


def test_hosts_and_the_control_plane_reach_each_other(lab: Lab, hosts: list[LabHost]) -> None:
    h1, h2 = hosts

    assert answer(h1, PORT) == "h1-web"
    assert answer_on(lab, h2, h1, PORT) == "h1-web"
    assert answer_on(lab, h1, h2, PORT) == "h2-web"


def test_a_host_that_is_cut_off_is_silent_until_it_is_healed(
    lab: Lab, hosts: list[LabHost], tmp_path: Path
) -> None:
    h1, h2 = hosts
    with tunnel(lab, h1, tmp_path / "t") as local:
        lab.cut(h1)
        try:
            for _ in range(3):  # longer than a neighbour is asked for by default
                with pytest.raises(TimeoutError):
                    answer(h1, PORT, within=1.5)
            assert not answers(local, within=1)
            assert answer_on(lab, h2, h1, PORT) == ""
            assert answer_on(lab, h1, h1, PORT) == "h1-web"
            assert answer(h2, PORT) == "h2-web"
        finally:
            lab.heal(h1)

    eventually(lambda: is_answered(h1, PORT, "h1-web"), within=3)


def test_an_engine_that_hangs_takes_connections_and_its_containers_answer(
    lab: Lab, hosts: list[LabHost], tmp_path: Path
) -> None:
    h1 = hosts[0]
    with tunnel(lab, h1, tmp_path / "t") as local:
        lab.hang(h1)
        try:
            for path in (h1.socket, local):
                began = time.monotonic()
                assert not answers(path, within=1)
                assert time.monotonic() - began > 0.9, "it was refused"
            assert answer(h1, PORT) == "h1-web"
        finally:
            lab.heal(h1)

        assert answers(h1.socket)
        assert answers(local)


def test_after_a_power_cut_and_a_boot_the_engine_restarts_its_containers(
    lab: Lab, hosts: list[LabHost]
) -> None:
    h1 = hosts[0]
    was = lab.docker(h1).containers.get("h1-web").attrs["State"]["StartedAt"]
    space = space_of(lab, h1)
    assert len(processes_in({space})) > 5

    lab.kill(h1)
    assert not processes_in({space})
    assert not answers(h1.socket)
    with pytest.raises(TimeoutError):
        answer(h1, PORT, within=1)
    lab.reboot(h1)

    eventually(lambda: is_answered(h1, PORT, "h1-web"), within=10)
    container = lab.docker(h1).containers.get("h1-web")
    assert container.attrs["State"]["StartedAt"] > was
    assert container.attrs["RestartCount"] == 0
    rules = lab.enter(h1, "iptables", "--table=nat", "--list-rules", "DOCKER")
    said = subprocess.run(rules, capture_output=True, text=True, check=True).stdout
    assert said.count(f"--dport {PORT}") == 1


def test_a_hanging_host_is_killed_and_boots(lab: Lab, hosts: list[LabHost]) -> None:
    h1 = hosts[0]
    lab.hang(h1)

    lab.reboot(h1)

    eventually(lambda: is_answered(h1, PORT, "h1-web"), within=10)


def test_an_engine_that_is_restarted_stops_its_containers_and_starts_them(
    lab: Lab, hosts: list[LabHost]
) -> None:
    h1 = hosts[0]
    was = lab.docker(h1).containers.get("h1-web").attrs["State"]["StartedAt"]

    lab.restart_engine(h1)

    eventually(lambda: is_answered(h1, PORT, "h1-web"), within=10)
    assert lab.docker(h1).containers.get("h1-web").attrs["State"]["StartedAt"] > was


def test_an_image_is_brought_from_the_machines_own_engine(
    lab: Lab, hosts: list[LabHost], answering_image: bytes
) -> None:
    tag = f"{lab.name}:latest"
    with closing(APIClient(base_url=ROOT_ENGINE, version="auto")) as root:
        root.import_image_from_data(answering_image, repository=lab.name, tag="latest")
        try:
            lab.load(hosts[1], tag)
            wanted = root.inspect_image(tag)["Id"]
        finally:
            root.remove_image(tag)

    assert lab.docker(hosts[1]).images.get(tag).id == wanted


def test_a_host_may_have_a_small_disk(lab: Lab, answering_image: bytes) -> None:
    small = lab.add("small", disk_mb=64)
    give_image(lab, small, answering_image)
    start_answering(lab, small, "small-web", PORT)
    eventually(lambda: is_answered(small, PORT, "small-web"))
    fills = ["sh", "-c", "while cat /bin/bash; do :; done >/tmp/full; exit 7"]

    with pytest.raises(ContainerError, match="exit status 7"):
        lab.docker(small).containers.run(IMAGE, fills, remove=True)

    lab.kill(small)


def test_nothing_is_left_of_a_lab(answering_image: bytes) -> None:
    with running_lab() as lab:
        up, hung, cut, dead = lab.add_all("h1", "h2", "h3", "h4")
        for host in (up, hung):
            give_image(lab, host, answering_image)
            start_answering(lab, host, "web", PORT)
        spaces = {space_of(lab, host) for host in (up, hung, cut, dead)}
        lab.hang(hung)
        lab.cut(cut)
        lab.kill(dead)
        found = traces(lab.name)
        assert processes_in(spaces)
        assert {kind for kind, _ in found} == {"process", "link", "folder", "control group"}

    assert not processes_in(spaces)
    assert not traces(lab.name)


def test_nothing_is_left_of_a_lab_that_could_not_be_set_up() -> None:
    with pytest.raises(AssertionError, match="no-such-driver"), running_lab() as lab:
        lab.add("h1", engine={"storage-driver": "no-such-driver"})

    assert not traces(lab.name)


def test_a_lab_whose_process_was_killed_ends_and_the_next_one_sweeps() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as owner:
        assert owner.stdout
        name = owner.stdout.readline().decode().strip()
        assert {kind for kind, _ in traces(name)} >= {"process", "link"}
        owner.kill()

    eventually(lambda: {kind for kind, _ in traces(name)} == {"folder", "control group"})
    with running_lab():
        assert not traces(name)


def space_of(lab: Lab, host: LabHost) -> str:
    """The namespace of its processes."""
    asked = lab.enter(host, "readlink", "/proc/self/ns/pid")
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def processes_in(spaces: set[str]) -> list[Path]:
    """Those of containers apart: they have namespaces of their own."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if f"{(process / 'ns/pid').readlink()}" in spaces:
                found.append(process)
    return found


def traces(name: str) -> list[tuple[str, str]]:
    """What on this machine bears the name: kind and where."""
    found = [("folder", f"{folder}") for base in (MEMORY, DISK) for folder in base.glob(f"{name}*")]
    found += [("control group", f"{group}") for group in control_groups(name)]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (process / "cmdline").read_bytes() + (process / "cgroup").read_bytes()
            if name.encode() in told:
                found.append(("process", process.name))
    listed = {
        "link": ("ip", "link"),
        "rule": ("iptables-save",),
        "mount": ("cat", "/proc/self/mountinfo"),
    }
    for kind, argv in listed.items():
        told = subprocess.run(argv, capture_output=True, check=True).stdout
        found += [(kind, line.decode()) for line in told.splitlines() if name.encode() in line]
    return found
