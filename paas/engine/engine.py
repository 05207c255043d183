"""Where things run: the one interface of the house. (Long: it is one class with every verb.)

`DockerEngine` is the real one; the tests' `MemoryEngine` passes the same contract suite. Every method names a host and
has a deadline. A container is known by its name, which we chose; names and labels of another platform are never seen.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from paas.errors import Failed, Unavailable
from paas.model.container import ContainerSpec

PROBE_PORTS = range(30000, 30010)
KILLED = 137
"""The exit code of what SIGKILL ended: ours, somebody's, or the kernel's for want of memory."""


class HostUnreachable(Unavailable):
    """The engine did not answer. Nothing is known about what it runs: unknown is not empty."""

    def __init__(self, host: str, why: str) -> None:
        self.host = host
        super().__init__(f"The engine of host {host} does not answer: {why}. See: paas doctor")


class EngineFailed(HostUnreachable):
    """The engine answered, and could not do it. As little is known as when it is silent."""

    def __init__(self, host: str, why: str) -> None:
        self.host = host
        Unavailable.__init__(self, f"The engine of host {host} could not do it: {why}")


class SubnetTaken(Failed):
    """Another network of the host has addresses of this subnet."""

    def __init__(self, host: str, subnet: str) -> None:
        self.host, self.subnet = host, subnet
        super().__init__(
            f"Host {host} uses addresses of {subnet} already. Set another subnet in settings.toml."
        )


class AddressTaken(Failed):
    """The engine says that something else has this address of the network, or this port of the host."""

    def __init__(self, host: str, address: str) -> None:
        self.host, self.address = host, address
        super().__init__(f"Address {address} is taken on host {host}.")


class ImageMissing(Failed):
    def __init__(self, host: str, image: str) -> None:
        self.host, self.image = host, image
        super().__init__(f"Host {host} has no image {image}.")


class RegistryFailed(Failed):
    """An image did not come to a host from the platform's registry, or from a host into it."""

    def __init__(self, host: str, why: str) -> None:
        self.host, self.why = host, why
        super().__init__(f"Host {host} and the platform's registry: {why}. See: paas doctor")


class ImageNotFetched(Failed):
    """It did not come from the registry that its name says. `why` is the engine's or the registry's."""

    def __init__(self, host: str, name: str, why: str) -> None:
        self.host, self.name, self.why = host, name, why
        super().__init__(f"Host {host} could not fetch {name}: {why}")


class StartFailed(Failed):
    """The engine would not start it: a command that is not there, a disk that is full."""

    def __init__(self, host: str, name: str, why: str) -> None:
        self.host, self.name, self.why = host, name, why
        super().__init__(f"Host {host} could not start {name}: {why}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A container as its engine tells of it."""

    name: str
    is_running: bool
    labels: dict[str, str]
    address: str | None
    started_at: float | None
    exit_code: int | None
    """Of the last exit; None while it has not exited."""
    is_oom: bool
    """False says little: see EventKind.OOM."""
    restarts: int
    """How often the engine started it again."""


class EventKind(StrEnum):
    STARTED = "started"
    EXITED = "exited"
    OOM = "oom"
    """A process of it was killed for want of memory. Not every engine hears of that from its kernel (20.10 on cgroup v1
    does not always), and the container leaves no other trace: its exit with KILLED is what one can count on."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Event:
    kind: EventKind
    name: str
    at: float
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class RawLine:
    """A line that a container printed, at most 10,000 bytes; longer ones come in pieces."""

    at_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class HostFacts:
    arch: str
    engine_version: str
    memory_mb: int
    disk_free_mb: int
    cpus: int
    started_at: float | None = None


@dataclass(frozen=True, slots=True)
class ImageSeen:
    id: str
    tags: tuple[str, ...]
    size: int
    arch: str
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    user: str
    ports: tuple[int, ...]
    """TCP ports of EXPOSE."""
    labels: dict[str, str]
    healthcheck: tuple[str, ...]
    """The command of HEALTHCHECK; empty: none."""
    digests: tuple[str, ...] = ()
    """What it is called in registries: `ADDRESS/REPOSITORY@sha256:...`."""


class Session(Protocol):
    """An attached container: raw bytes both ways. Closing it does not stop the container."""

    def read(self) -> bytes:
        """The next output, stdout and stderr as they come; empty at the end."""
        ...

    def write(self, data: bytes) -> None: ...

    def end_input(self) -> None: ...

    def resize(self, rows: int, columns: int) -> None: ...

    def wait(self) -> int:
        """Blocks until the container has exited; its exit code."""
        ...

    def close(self) -> None: ...


class Engine(Protocol):
    def facts(self, host: str) -> HostFacts:
        """Raises HostUnreachable, as every other method does."""
        ...

    def prepare(self, host: str, subnet: str) -> None:
        """The platform's network and packet filter, made or mended. Safe to repeat. Raises SubnetTaken.

        On a host elsewhere the image of the tools comes from the registry first: RegistryFailed, ImageMissing.

        From then on the host keeps the packet filter by itself: it comes with the engine when the host has started, and
        what a reload of the firewall takes away is back within half a minute. `guard` sees to it that it goes on so.
        """
        ...

    def guard(self, host: str) -> None:
        """Somebody may have taken away, or stopped, what keeps the packet filter: it is there again. Cheap."""
        ...

    def clear(self, host: str) -> None:
        """What `prepare` put there is taken away again. Raises EngineFailed while a container is on the network."""
        ...

    def bound_builds(self, host: str, memory_mb: int, cpus: float) -> bool:
        """The Dockerfile builds of this engine get no more, all together: not every engine can bound one of them.

        False: this engine's cannot be bounded by us.
        """
        ...

    def probe(self, host: str) -> None:
        """A container is started on the platform's network, answers this machine, reaches neither its host nor what
        only hosts may reach, and is removed. Raises EngineFailed with what was wrong, and what `start` raises.

        On a host elsewhere it is published at a port of PROBE_PORTS, which is never leased.
        """
        ...

    def start(self, host: str, spec: ContainerSpec) -> None:
        """Creates and starts. A container of this name that is there already is started and not made again.

        Raises AddressTaken, ImageMissing or StartFailed; after any of them no container of this name is left.
        """
        ...

    def stop(self, host: str, name: str, grace_seconds: float) -> None:
        """SIGTERM, then SIGKILL after `grace_seconds`; returns when it has exited and will not be restarted.

        Silent if the container is already stopped or gone.
        """
        ...

    def signal(self, host: str, name: str, signal: str) -> None:
        """Sends it and returns at once. Silent if the container is already stopped or gone.

        After any signal the engine does not start the container again when it exits.
        """
        ...

    def remove(self, host: str, name: str) -> None:
        """Removes it, killing it first if it runs. Silent if it is already gone.

        With it goes what its image declares as VOLUME and nobody named: the app's files are as short-lived as that.
        A volume with a name stays, and one that another container uses too.
        """
        ...

    def inspect(self, host: str, name: str) -> Seen | None: ...

    def list(self, host: str) -> Sequence[Seen]:
        """Every container of this platform, stopped ones too."""
        ...

    def wait(self, host: str, name: str, timeout_seconds: float) -> int | None:
        """The exit code; None when it still runs after `timeout_seconds`. A container that is gone: -1."""
        ...

    def events(self, host: str) -> AbstractContextManager[Iterator[Event | None]]:
        """This platform's events from the moment of entering; None at least every second when there is none.

        The iterator ends when the engine closes the stream; whoever follows then lists again.
        """
        ...

    def logs(
        self, host: str, name: str, since_ns: int
    ) -> AbstractContextManager[Iterator[RawLine]]:
        """Every line printed after `since_ns`, then new ones as they come.

        It ends when the container has exited, the engine will not start it again, and all was read; at once when the
        container is gone.
        """
        ...

    def attach(self, host: str, spec: ContainerSpec) -> Session:
        """Creates, attaches, starts: nothing of the output is lost."""
        ...

    def resize(self, host: str, name: str, rows: int, columns: int) -> None:
        """Of its terminal. Silent if it does not run or has none."""
        ...

    def exec(self, host: str, name: str, argv: Sequence[str]) -> tuple[int, str]:
        """Runs a command inside a running container: exit code, output.

        124 after ten seconds, with the output so far; -1 when the container does not run.
        """
        ...

    def image(self, host: str, reference: str) -> ImageSeen | None: ...

    def images(self, host: str) -> Sequence[ImageSeen]:
        """The images this platform built."""
        ...

    def tag_image(self, host: str, reference: str, tag: str) -> None:
        """`tag` is `repository:tag`. Raises ImageMissing."""
        ...

    def remove_image(self, host: str, reference: str) -> None:
        """Takes this name away, and the image with its last name. Silent if gone or in use."""
        ...

    def push(self, host: str, reference: str, repository: str, tag: str) -> str:
        """Into the platform's registry. Returns what it is called there from then on, by digest; `tag` keeps two pushes
        apart and is not needed to have it again. The host's own names of it stay as they were.

        Raises ImageMissing or RegistryFailed.
        """
        ...

    def pull(self, host: str, name: str) -> None:
        """From the platform's registry: `name` as `push` returned it, or with its tag. Silent if it is there already.

        Raises ImageMissing when the registry has it not; RegistryFailed for all else, also after 30 s without progress
        and after 300 s.
        """
        ...

    def fetch(self, host: str, name: str) -> Iterator[str]:
        """From the registry that `name` says, as somebody whom it does not know; a word whenever it has come further.

        Raises ImageNotFetched. What is left of the iterator is not fetched.
        """
        ...

    def adopt(
        self, host: str, name: str, reference: str, tag: str, labels: Mapping[str, str]
    ) -> str:
        """Makes an image of this platform's that is `reference` in all but its labels, and calls it `tag`.

        It is done by a container called `name` that is never started, and gone afterwards. Returns the engine's id of
        it. Raises ImageMissing.
        """
        ...

    def commit(self, host: str, name: str, tag: str, spec: ContainerSpec) -> str:
        """Makes an image of a stopped container; command, user, workdir, env and labels are those of `spec`.

        The container's other variables are blank in it. Yet older engines (20.10) keep them in the image's history:
        no secret may be among them.

        Returns the engine's id of it.
        """
        ...
