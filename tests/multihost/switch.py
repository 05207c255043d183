"""What the lab's hosts are plugged into, and the control plane's own end of it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Self

FOR_EVER = ("mcast_probes", "100000")
"""How often a neighbour that is away is asked for: as behind a real network, no error says that it is away."""


@dataclass(slots=True)
class Switch:
    """A bridge in a network namespace of its own, where no packet filter looks at what it carries.

    The root namespace reaches it by one link named `name`. It ends with the lab's process: its holder reads a pipe.
    """

    name: str
    control: IPv4Interface
    holder: subprocess.Popen[bytes]

    @classmethod
    def make(cls, name: str, control: IPv4Interface) -> Self:
        held = ["unshare", "--net", "cat"]
        pipe = subprocess.PIPE
        holder = subprocess.Popen(held, stdin=pipe, stdout=pipe, start_new_session=True)
        switch = cls(name, control, holder)
        try:
            switch._begin()
        except BaseException:
            switch.end()
            raise
        return switch

    def _begin(self) -> None:
        assert self.holder.stdin and self.holder.stdout
        self.holder.stdin.write(b"\n")  # what comes back says that the namespace is there
        self.holder.stdin.flush()
        assert self.holder.stdout.readline(), "no network namespace can be made"
        run(*self.enter, "ip", "link", "add", "switch", "type", "bridge", "mcast_snooping", "0")
        run(*self.enter, "ip", "link", "set", "switch", "up")
        self.plug("control", self.name, self.control, ())

    def plug(self, port: str, link: str, address: IPv4Interface, enter: Sequence[str]) -> None:
        """A line from a port of that name to a link of the network that `enter` leads to, with this address."""
        link_end = ["address", mac_address(address), "type", "veth"]
        port_end = ["peer", "name", port, "netns", f"{self.holder.pid}"]
        run(*enter, "ip", "link", "add", link, *link_end, *port_end)
        run(*self.enter, "ip", "link", "set", port, "master", "switch", "up")
        run(*enter, "ip", "ntable", "change", "name", "arp_cache", "dev", link, *FOR_EVER)
        run(*enter, "ip", "address", "add", f"{address}", "dev", link)
        run(*enter, "ip", "link", "set", link, "up")

    def unplug(self, port: str) -> None:
        """It may be gone."""
        subprocess.run(
            [*self.enter, "ip", "link", "delete", port], capture_output=True, check=False
        )

    def cut(self, port: str) -> None:
        """Neither end of the line sees its carrier go."""
        run(*self.enter, "ip", "link", "set", port, "nomaster")

    def heal(self, port: str) -> None:
        run(*self.enter, "ip", "link", "set", port, "master", "switch")

    def end(self) -> None:
        """All its lines are gone too."""
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True, check=False)
        self.holder.kill()
        self.holder.communicate()

    @property
    def enter(self) -> list[str]:
        return enter_network(self.holder.pid)


def enter_network(pid: int) -> list[str]:
    """What runs a command in the network of that process."""
    return ["nsenter", "--target", f"{pid}", "--net", "--"]


def mac_address(interface: IPv4Interface) -> str:
    """Of the machine with this address, through all its reboots."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x00" + interface.ip.packed)


def run(*argv: str) -> None:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 0, f"{argv}\n{ended.stdout}{ended.stderr}"
