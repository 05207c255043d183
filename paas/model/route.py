"""A route: where an app answers. What the platform tells its routers, and what they tell back.

Every text in these values ends up in HAProxy's configuration and on its admin socket, so each is checked when the value
is made: what exists cannot carry a space, a quote, a semicolon or a newline.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Self

from paas.errors import Invalid

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOSTNAME = re.compile(rf"(\*\.)?({LABEL}\.)*{LABEL}")
WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
DYNO = re.compile(r"[A-Za-z0-9_-]{1,64}\.[0-9]{1,9}")


class RouteInvalid(Invalid):
    def __init__(self, what: str) -> None:
        super().__init__(f"This cannot be a route: {what}.")


class RouteMode(StrEnum):
    SERVING = "serving"
    CRASHED = "crashed"
    """Every web process that is wanted ended by itself. Only what nobody gets an answer from is so."""
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True, order=True)
class Backend:
    """One container that answers."""

    container: str
    """Our id of the container."""
    dyno: str
    """`web.1`."""
    address: str
    port: int

    def __post_init__(self) -> None:
        _check(WORD, self.container, "container")
        _check(DYNO, self.dyno, "dyno")
        try:
            ip_address(self.address)
        except ValueError:
            raise RouteInvalid(f"{str(self.address)[:80]!r} is no address") from None
        _check_number(self.port, "port", 1, 65535)


@dataclass(frozen=True, slots=True)
class Route:
    """The whole truth about one app, so one write replaces it."""

    app_id: str
    app: str
    """Its name."""
    hostnames: tuple[str, ...]
    """Lower case; `*.example.com` stands for every name one label longer than `example.com`."""
    backends: tuple[Backend, ...]
    mode: RouteMode = RouteMode.SERVING
    drain_seconds: int = 30
    """How long requests in flight may take after a backend has left the route."""

    def __post_init__(self) -> None:
        _check(WORD, self.app_id, "app id")
        _check(WORD, self.app, "app name")
        for hostname in self.hostnames:
            _check(HOSTNAME, hostname, "hostname")
            if len(hostname) > 253:
                raise RouteInvalid(f"{hostname[:80]!r}… is too long")
        if len({backend.container for backend in self.backends}) != len(self.backends):
            raise RouteInvalid(f"a container of {self.app} is in it twice")
        _check_number(self.drain_seconds, "drain_seconds", 0, 86400)

    def to_json(self) -> str:
        """The same route is always the same text, whatever the order of its parts was."""
        return json.dumps(
            {
                "app": self.app,
                "app_id": self.app_id,
                "backends": [
                    [backend.container, backend.dyno, backend.address, backend.port]
                    for backend in sorted(self.backends)
                ],
                "drain_seconds": self.drain_seconds,
                "hostnames": sorted(set(self.hostnames)),
                "mode": self.mode.value,
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises RouteInvalid for anything that `to_json` does not write."""
        try:
            given = json.loads(text)
            if given.keys() != cls.__annotations__.keys():
                raise RouteInvalid(f"it has the fields {sorted(given)}")
            return cls(
                app_id=given["app_id"],
                app=given["app"],
                hostnames=tuple(given["hostnames"]),
                backends=tuple(Backend(*backend) for backend in given["backends"]),
                mode=RouteMode(given["mode"]),
                drain_seconds=given["drain_seconds"],
            )
        except (ValueError, TypeError, AttributeError) as error:
            raise RouteInvalid(str(error)) from None


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Of the whole table. Numbers of one epoch only rise; those of different epochs do not compare."""

    epoch: str
    number: int

    def covers(self, other: "Version") -> bool:
        """Whoever has applied this one has applied the other too."""
        return self.epoch == other.epoch and self.number >= other.number


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The table at one moment. Without an epoch it says nothing, also not that there are no routes."""

    epoch: str | None
    number: int
    routes: Mapping[str, Route]
    """By app id."""

    @property
    def version(self) -> Version | None:
        return None if self.epoch is None else Version(self.epoch, self.number)


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """How a router is, for doctor."""

    haproxy: str = ""
    """HAProxy's version; empty while it does not answer."""
    started_at: float = 0
    """When its present worker was started."""
    slots: int = 0
    slots_free: int = 0
    drift: int = 0
    """How often HAProxy was found to differ from what it had been told. Should stay 0."""
    log_lines_lost: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """What a router has applied, and which containers it still sees at work after they left the table.

    `busy` is complete for this version: a container that is neither in the table nor in `busy` has no request in
    flight in this router.
    """

    router: str
    version: Version
    at: float
    busy: Mapping[str, int] = field(default_factory=dict)
    """Container id -> requests in flight."""
    status: RouterStatus = field(default_factory=RouterStatus)

    @property
    def epoch(self) -> str:
        return self.version.epoch

    @property
    def number(self) -> int:
        return self.version.number

    def to_json(self) -> str:
        return json.dumps(
            {
                "router": self.router,
                "epoch": self.version.epoch,
                "number": self.version.number,
                "at": self.at,
                "busy": dict(self.busy),
                "status": {
                    name: getattr(self.status, name) for name in RouterStatus.__annotations__
                },
            },
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises RouteInvalid. Facts of `status` that are not known are left out."""
        try:
            given = json.loads(text)
            known = RouterStatus.__annotations__.keys()
            return cls(
                router=str(given["router"]),
                version=Version(str(given["epoch"]), int(given["number"])),
                at=float(given["at"]),
                busy={str(container): int(count) for container, count in given["busy"].items()},
                status=RouterStatus(**{k: v for k, v in given["status"].items() if k in known}),
            )
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise RouteInvalid(str(error)) from None


def _check(pattern: re.Pattern[str], text: Any, what: str) -> None:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise RouteInvalid(f"{str(text)[:80]!r} is no {what}")


def _check_number(number: Any, what: str, least: int, most: int) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
        raise RouteInvalid(f"{str(number)[:80]!r} is no {what}")
