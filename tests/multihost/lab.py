"""Several Docker hosts on one machine, each of which can be cut off, hung, killed and booted again.

Why: what a scheduler is worth shows when a host goes, and one engine cannot lose itself. What the platform's tests need
of a host is here real: an engine of its own, sshd in front of it, an address that the others reach, and an end without
warning.

What: one switch, and the control plane's address on it in the root namespace. Per host a first program in
namespaces of its own (processes, mounts, network, name), and in them sshd and dockerd with its own data root. A host
sees its own /run and its own accounts, in which USER may log in by the lab's key and use the engine's socket.

    root namespace      switch           h1: eth0 10.a.b.11, sshd, dockerd, containers
    10.a.b.1   ------   bridge   ------  h2: eth0 10.a.b.12, ...

- The switch stands in a network namespace of its own too: the machine's packet filter, and the engine's rules in it,
  see none of the frames between two hosts, and nothing has to be let through there.
- When a host's first program ends, the kernel ends all its processes, mounts and links. So a power cut is one
  signal, and a teardown forgets nothing. It ends too when the lab's process does, however that ends.
- What is left after that are control groups and a folder. They bear the lab's name, and go with the teardown or, when
  there was none, when the next lab starts.
- Not as in reality: hosts share the machine's kernel, disk and clock, and a power cut loses no byte that was written.
- Who is away is silent: a connection to it times out and is not refused.
- A host has no default route: nothing of it reaches further than the other hosts and the control plane.
"""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import count
from pathlib import Path
from typing import Any

from docker.client import DockerClient

from tests.multihost.box import USER, Box
from tests.multihost.leftovers import own_folder
from tests.multihost.switch import Switch, run
from tests.share import own_subnet

ROOT_ENGINE = "unix:///var/run/docker.sock"
FIRST = 11
"""The last number of the first host's address."""


@dataclass(frozen=True, slots=True)
class LabHost:
    name: str
    address: IPv4Address
    ssh_port: int
    user: str
    socket: Path
    """Of the engine. The same file on the host and in the root namespace."""
    host_key: str
    """As in a known_hosts file: kind and key."""

    @property
    def ssh_url(self) -> str:
        return f"ssh://{self.user}@{self.address}:{self.ssh_port}?socket={self.socket}"


@dataclass(slots=True)
class Lab:
    """Its verbs may be called from several threads, for several hosts."""

    folder: Path
    subnet: IPv4Network
    switch: Switch
    _numbers: Iterator[int] = field(default_factory=partial(count, FIRST))
    _boxes: dict[str, Box] = field(default_factory=dict)
    _clients: dict[str, DockerClient] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def address(self) -> IPv4Address:
        """Of the control plane."""
        return self.switch.control.ip

    @property
    def key(self) -> Path:
        """With which every host's user logs in."""
        return self.folder / "key"

    def add(
        self,
        name: str,
        *,
        ssh_port: int = 22,
        disk_mb: int | None = None,
        engine: dict[str, Any] | None = None,
    ) -> LabHost:
        """It is on, and its engine answers.

        Its name is a link's too: at most 15 letters, not "switch" or "control". With `disk_mb` its engine's data are
        in memory: of that size, and lost by a reboot. `engine` is added to what dockerd is told, as in daemon.json.
        """
        assert name not in self._boxes, name
        interface = IPv4Interface((self.subnet[next(self._numbers)], self.subnet.prefixlen))
        box = Box(name, self.folder / name, interface, ssh_port, disk_mb, self.switch)
        self._boxes[name] = box
        box.furnish(self.key.with_suffix(".pub"), engine or {})
        box.boot()
        kind, key, _ = (box.folder / "host_key.pub").read_text().split()
        return LabHost(name, interface.ip, ssh_port, USER, box.socket, f"{kind} {key}")

    def add_all(self, *names: str) -> list[LabHost]:
        """Side by side."""
        with ThreadPoolExecutor(len(names)) as threads:
            return list(threads.map(self.add, names))

    def cut(self, host: LabHost) -> None:
        """No frame goes in or out any more, and nobody is told. What runs on it runs on."""
        self.switch.cut(host.name)

    def hang(self, host: LabHost) -> None:
        """Its engine takes connections and never answers. Its containers do."""
        self._boxes[host.name].signal_engine(signal.SIGSTOP)

    def heal(self, host: LabHost) -> None:
        """Undoes `cut` and `hang`; not `kill`."""
        self.switch.heal(host.name)
        self._boxes[host.name].signal_engine(signal.SIGCONT)

    def kill(self, host: LabHost) -> None:
        """A power cut. It is off until `reboot`."""
        self._boxes[host.name].off()

    def reboot(self, host: LabHost) -> None:
        """By a power cut, if it is on. Its engine answers again, and has started what it restarts by itself.

        It is cut off and hung no longer.
        """
        box = self._boxes[host.name]
        box.off()
        box.boot()

    def restart_engine(self, host: LabHost) -> None:
        """As an upgrade of the package does."""
        box = self._boxes[host.name]
        box.stop_engine()
        box.start_engine()

    def docker(self, host: LabHost) -> DockerClient:
        """For a look at its engine, past the network. The lab's own: it closes it."""
        if host.name not in self._clients:
            url = f"unix://{host.socket}"
            self._clients[host.name] = DockerClient(base_url=url, version="auto", timeout=60)
        return self._clients[host.name]

    def load(self, host: LabHost, image: str) -> None:
        """An image of the machine's own engine."""
        with closing(DockerClient(base_url=ROOT_ENGINE, version="auto")) as root:
            self.docker(host).api.load_image(root.api.get_image(image))

    def enter(self, host: LabHost, *argv: str) -> list[str]:
        """The command that runs this one on the host, as root, in its folder /."""
        return self._boxes[host.name].enter(*argv)

    def off(self) -> None:
        for client in self._clients.values():
            client.close()
        for box in self._boxes.values():
            box.off()


@contextmanager
def running_lab() -> Iterator[Lab]:
    """Without hosts yet. Nothing of it is left afterwards."""
    with ExitStack() as stack:
        folder = stack.enter_context(own_folder())
        key = ["-t", "ed25519", "-N", "", "-C", folder.name, "-f", f"{folder / 'key'}"]
        run("ssh-keygen", "-q", *key)
        subnet = IPv4Network(own_subnet())
        switch = Switch.make(folder.name, IPv4Interface((subnet[1], subnet.prefixlen)))
        stack.callback(switch.end)
        lab = Lab(folder, subnet, switch)
        stack.callback(lab.off)
        yield lab
