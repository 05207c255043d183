"""A host: a registered Docker engine."""

from dataclasses import dataclass
from enum import StrEnum

from paas.errors import Unknown

LOCAL = "local"
"""The name of the host, and of the router, that every platform begins with. Builds run there."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def architecture(machine: str) -> str:
    """In an image's words, of what a kernel calls it."""
    return _ARCHITECTURES.get(machine, machine)


class UnknownHost(Unknown):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no host '{name[:60]}'. See: paas hosts")


class HostHealth(StrEnum):
    """Observed. Only `up` gets containers; they are moved only from `down`."""

    UP = "up"
    SUSPECT = "suspect"
    DOWN = "down"


class Schedulable(StrEnum):
    """Wanted."""

    OPEN = "open"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    url: str
    """Where the docker SDK speaks to it: `unix:///var/run/docker.sock`."""
    is_local: bool
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
    health_reason: str | None = None
