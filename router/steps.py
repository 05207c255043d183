"""What can be done to HAProxy while it serves."""

from dataclasses import dataclass

from paas.model.route import Backend, RouteMode


@dataclass(frozen=True, slots=True)
class Label:
    """Whose a slot is."""

    app_id: str
    app: str
    mode: RouteMode
    drain_seconds: int
    left_at: float = 0
    """Set: the app has left the table, and the slot cools since then."""


@dataclass(frozen=True, slots=True)
class AddServer:
    slot: str
    server: str
    backend: Backend


@dataclass(frozen=True, slots=True)
class Reuse:
    """A parked server gets this backend and takes requests again."""

    slot: str
    server: str
    backend: Backend


@dataclass(frozen=True, slots=True)
class Claim:
    """The slot is this app's, in this mode."""

    slot: str
    label: Label


@dataclass(frozen=True, slots=True)
class Bind:
    hostname: str
    slot: str


@dataclass(frozen=True, slots=True)
class Unbind:
    hostname: str


@dataclass(frozen=True, slots=True)
class Park:
    """No new request; those in flight go on."""

    slot: str
    server: str
    at: float
    drain_seconds: int


@dataclass(frozen=True, slots=True)
class Shut:
    """The drain limit has passed: what is still in flight is cut."""

    slot: str
    server: str


@dataclass(frozen=True, slots=True)
class Release:
    """The slot has cooled; it may be another app's."""

    slot: str


@dataclass(frozen=True, slots=True)
class Grow:
    """A reload with so many slots."""

    slots: int


Step = AddServer | Reuse | Claim | Bind | Unbind | Park | Shut | Release | Grow
