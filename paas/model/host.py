"""A host: a registered Docker engine."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from paas.errors import Invalid, Unknown

LOCAL = "local"
"""The name of the host, and of the router, that every platform begins with. Builds run there."""
RESERVED = frozenset({LOCAL, "key"})
"""No other host, and no other router, gets one of these names: `GET /hosts/key` is not about a host."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,17}[a-z0-9]", re.ASCII)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture(machine: str) -> str:
    """In an image's words, of what a kernel calls it."""
    return _ARCHITECTURES.get(machine, machine)


class UnknownHost(Unknown):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no host '{name[:60]}'. See: paas hosts")


class InvalidHostName(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} cannot be a host's name: 2 to 19 of a-z, 0-9 and -, starting with a letter and not "
            f"ending with -; not one of {', '.join(sorted(RESERVED))}."
        )


class HostName(str):
    """Of a host that is to be registered. Fits a program's name and the name of a socket in the platform's folder."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if text in RESERVED or not _NAME.fullmatch(text):
            raise InvalidHostName(text)
        return super().__new__(cls, text)


class HostHealth(StrEnum):
    """Observed. Only `up` gets containers; they are moved only from `down`."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class Schedulable(StrEnum):
    """Wanted. Only an open host gets containers."""

    JOINING = "joining"
    """It is being registered."""
    OPEN = "open"
    DRAINING = "draining"
    """Everything moves off."""
    BUILD_ONLY = "build-only"
    """It has been removed, and is the platform's own machine: apps are still built there, and nothing else is."""
    LEAVING = "leaving"
    """It is being removed."""
    LOST = "lost"
    """It is being forgotten: it is gone for good."""


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    url: str
    """Where the docker SDK speaks to it: `unix:///var/run/docker.sock`, or the near end of its tunnel."""
    is_local: bool
    """The platform's own machine. While no router is elsewhere, its containers are reached at their own addresses."""
    subnet: str
    """Of the platform's network there, in CIDR form."""
    arch: str
    health: HostHealth
    health_since: float
    schedulable: Schedulable
    memory_mb: int
    disk_free_mb: int
    engine_version: str
    seen_at: float | None = None
    """When its engine last answered."""
    health_reason: str | None = None
    address: str | None = None
    """Where routers reach what is published there; None for one that is local, while no router is elsewhere."""
    ssh_url: str | None = None
    """`ssh://USER@ADDRESS:PORT?socket=PATH`: the far end of its tunnel."""
    host_key: str | None = None
    """Of its sshd, pinned at registration: `ssh-ed25519 AAAA...`."""
    reached_at: float | None = None
    """When anything of it last answered: engine, sshd or a container."""
    given_up_by: str | None = None
    """The person who said that it is down: it stays so, whatever it answers, until it is opened again."""

    @property
    def publishes(self) -> bool:
        """What serves there answers at a port of the host."""
        return not self.is_local or self.address is not None

    @property
    def is_ready(self) -> bool:
        """It may get containers."""
        return self.health is HostHealth.UP and self.schedulable is Schedulable.OPEN

    @property
    def is_registered(self) -> bool:
        """Neither on its way in nor on its way out."""
        return self.schedulable in (Schedulable.OPEN, Schedulable.DRAINING, Schedulable.BUILD_ONLY)
