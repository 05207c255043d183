"""A container: what fills a dyno on a host."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from paas.model.formation import Dyno
from paas.model.host import Host


class ContainerState(StrEnum):
    PLACED = "placed"
    PULLING = "pulling"
    STARTING = "starting"
    UP = "up"
    RETIRING = "retiring"
    STOPPING = "stopping"
    CRASHED = "crashed"
    GONE = "gone"


PLACED, PULLING, STARTING, UP, RETIRING, STOPPING, CRASHED, GONE = ContainerState
LATER: Mapping[ContainerState, frozenset[ContainerState]] = {
    PLACED: frozenset({PULLING, STARTING, RETIRING, CRASHED, GONE}),
    PULLING: frozenset({STARTING, RETIRING, CRASHED, GONE}),
    STARTING: frozenset({UP, RETIRING, CRASHED, GONE}),
    UP: frozenset({RETIRING, CRASHED, GONE}),
    RETIRING: frozenset({STOPPING, CRASHED, GONE}),
    STOPPING: frozenset({CRASHED, GONE}),
    CRASHED: frozenset({GONE}),
    GONE: frozenset(),
}
OUT_OF_MEMORY = "out of memory"
"""How the reason begins when the engine said that the kernel has killed a process of it for want of memory."""
FILLS = frozenset({PLACED, PULLING, STARTING, UP})
"""The states in which a container fills its dyno."""


class Kind(StrEnum):
    """What a container is for. Only a dyno's is healed by converge."""

    DYNO = "dyno"
    RUN = "run"
    RELEASE = "release"
    """The release process of a release: started once."""
    BUILD = "build"


@dataclass(frozen=True, slots=True)
class Container:
    """A row from before the container exists until it is gone; its state only moves forward."""

    id: str
    """Our own; the container's name on the engine is made of it."""
    dyno: Dyno
    kind: Kind
    host: str
    state: ContainerState
    since: float
    """When it came into this state."""
    placed_at: float
    address: str | None = None
    """Where it answers: the host's where it is published, else its own on the platform's network; leased."""
    port: int | None = None
    """Where a web process was told to listen; None when it serves nothing."""
    published: int | None = None
    """The host's port that leads there, leased with the row; None where it is reached at its own address."""
    deadline: float | None = None
    """When this state has lasted too long."""
    seen_at: float | None = None
    """When the engine last told of it."""
    exits: tuple[float, ...] = ()
    """When it exited and the engine started it again; the last few."""
    crashed_at: float | None = None
    exit_code: int | None = None
    reason: str | None = None
    left_number: int | None = None
    """The number of the first route table without it, once it has left the table."""
    is_logged: bool = False
    """Its log was read to the end."""
    placement: Mapping[str, object] = field(default_factory=dict)
    """Why it is on this host: seed, the two candidates with the figures compared, refusals."""
    person: str | None = None
    """Who ran it, when it is a one-off."""

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Address and port where routers and probes reach it; None when it serves nothing."""
        if self.address is None or self.port is None:
            return None
        return self.address, self.published or self.port

    def is_within_reach(self, host: Host) -> bool:
        """Every router reaches it on this host, as far as it serves anything. Not so what came before a router did."""
        if self.port is None or not (host.is_local and host.publishes):
            return True
        return self.published is not None and self.address == host.address

    @property
    def was_out_of_memory(self) -> bool:
        return self.reason is not None and self.reason.startswith(OUT_OF_MEMORY)


def container_name(platform: str, container_id: str) -> str:
    """What the engine calls it."""
    return f"paas-{platform}-{container_id}"


class Published(NamedTuple):
    address: str
    """Of the host."""
    port: int
    """Of the host at that address."""
    container_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """Everything an engine is told about a container, as one value."""

    name: str
    image: str
    """What the engine calls it: an id or a tag."""
    labels: Mapping[str, str]
    hostname: str
    env: Mapping[str, str]
    command: tuple[str, ...] = ()
    """Empty: the image's own."""
    entrypoint: tuple[str, ...] | None = None
    """None: the image's own."""
    user: str | None = None
    workdir: str | None = None
    address: str | None = None
    """A fixed address on the platform's network; None: one of the engine's own choice there."""
    published: Published | None = None
    """What of the host leads to a port of it; None: nothing."""
    memory_mb: int
    cpus: float
    pids: int
    capabilities: tuple[str, ...] = ()
    """What remains of root's powers; all others are dropped."""
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Folder of the host -> folder in the container."""
    is_restarted: bool = True
    """The engine starts it again when it exits (`unless-stopped`)."""
    has_terminal: bool = False
    takes_input: bool = False

    def __repr__(self) -> str:
        return f"ContainerSpec({self.name})"  # its env is secret: a repr ends up in a log
