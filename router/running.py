"""What HAProxy runs: slots, servers, hostnames. Read back from HAProxy itself, then kept true step by step."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import assert_never

from paas.model.route import Backend
from router.steps import (
    AddServer,
    Bind,
    Claim,
    Grow,
    Label,
    Park,
    Release,
    Reuse,
    Shut,
    Step,
    Unbind,
)

REUSE_SECONDS = 5
"""How long a parked server rests before it gets another address: HAProxy 2.6 changes one without a lock."""
COOL_SECONDS = 60
"""How long a slot rests between two apps: longer than any request can wait or be tried again in it."""
QUIET = 2
"""So many looks in a row without a request in flight, and a parked server is drained: a request that was being
handed to it during the first is seen by the second."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server of a slot. Never deleted: parked, and given another container later."""

    name: str
    address: str
    port: int
    is_up: bool
    container: str = ""
    """Empty: nobody knows (HAProxy's address and our note of it differed)."""
    dyno: str = ""
    left_at: float = 0
    """When it was parked."""
    drain_seconds: int = 0
    in_flight: int = 0
    quiet: int = 0
    """Looks in a row, since it was parked, that saw no request in flight."""

    @property
    def is_drained(self) -> bool:
        return not self.is_up and self.quiet >= QUIET

    def is_reusable(self, now: float) -> bool:
        return self.is_drained and now - self.left_at >= REUSE_SECONDS

    def fills(self, backend: Backend) -> bool:
        return (self.container, self.address, self.port) == (
            backend.container,
            backend.address,
            backend.port,
        )


@dataclass(slots=True)
class Slot:
    name: str
    label: Label | None = None
    servers: dict[str, Server] = field(default_factory=dict)
    hostnames: set[str] = field(default_factory=set)


class Running:
    """What HAProxy runs, with the indexes that a plan for one app needs."""

    def __init__(self, slots: int = 0) -> None:
        self.slots: dict[str, Slot] = {name: Slot(name) for name in slot_names(slots)}
        self.hostnames: dict[str, str] = {}
        """To the name of a slot."""
        self.slot_of: dict[str, str] = {}
        """App id to the name of a slot; cooling ones too."""
        self.free: dict[str, None] = dict.fromkeys(self.slots)
        """Names of slots that are nobody's, in order."""
        self.draining: set[tuple[str, str]] = set()
        """Parked servers, as (slot, server), that are not known to be drained."""

    def servers(self) -> Iterator[tuple[Slot, Server]]:
        for slot in self.slots.values():
            for server in slot.servers.values():
                yield slot, server

    def put(self, slot: str, server: Server) -> None:
        self.slots[slot].servers[server.name] = server
        if server.is_up or server.is_drained:
            self.draining.discard((slot, server.name))
        else:
            self.draining.add((slot, server.name))

    def claim(self, slot: str, label: Label | None) -> None:
        old = self.slots[slot].label
        if old is not None and self.slot_of.get(old.app_id) == slot:
            del self.slot_of[old.app_id]
        self.slots[slot].label = label
        if label is None:
            self.free[slot] = None
        else:
            self.slot_of[label.app_id] = slot
            self.free.pop(slot, None)

    def bind(self, hostname: str, slot: str | None) -> None:
        old = self.hostnames.pop(hostname, None)
        if old is not None:
            self.slots[old].hostnames.discard(hostname)
        if slot is not None:
            self.hostnames[hostname] = slot
            self.slots[slot].hostnames.add(hostname)

    def look(self, slot: str, server: str, in_flight: int) -> None:
        """So many requests in flight were seen in a parked server."""
        seen = self.slots[slot].servers[server]
        quiet = 0 if in_flight else seen.quiet + 1
        self.put(slot, replace(seen, in_flight=in_flight, quiet=quiet))

    def busy(self) -> dict[str, int]:
        """Containers that have left and may still have requests in flight: at least 1 until it is known better."""
        counts: dict[str, int] = {}
        for slot, name in self.draining:
            server = self.slots[slot].servers[name]
            if server.container:
                counts[server.container] = counts.get(server.container, 0) + server.in_flight
        return {container: max(1, count) for container, count in counts.items()}

    def apply(self, step: Step) -> None:
        match step:
            case AddServer(slot, name, backend) | Reuse(slot, name, backend):
                self.put(
                    slot,
                    Server(
                        name,
                        backend.address,
                        backend.port,
                        is_up=True,
                        container=backend.container,
                        dyno=backend.dyno,
                    ),
                )
            case Park(slot, name, at, drain_seconds):
                parked = self.slots[slot].servers[name]
                self.put(
                    slot,
                    replace(
                        parked,
                        is_up=False,
                        left_at=at,
                        drain_seconds=drain_seconds,
                        in_flight=0,
                        quiet=0,
                    ),
                )
            case Claim(slot, label):
                self.claim(slot, label)
            case Release(slot):
                self.claim(slot, None)
            case Bind(hostname, slot):
                self.bind(hostname, slot)
            case Unbind(hostname):
                self.bind(hostname, None)
            case Shut():
                pass
            case Grow(slots):
                for name in slot_names(slots):
                    if name not in self.slots:
                        self.slots[name] = Slot(name)
                        self.free[name] = None
            case _:
                assert_never(step)


def slot_names(count: int) -> Iterator[str]:
    return (f"s{number:05d}" for number in range(count))
