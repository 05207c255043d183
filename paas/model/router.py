"""A router: an HAProxy and its follower, which serve what the route table says."""

import re
from dataclasses import dataclass
from typing import Self

from paas.errors import Invalid, Unknown
from paas.model.host import RESERVED

_NAME = re.compile(r"[a-z][a-z0-9-]{0,17}[a-z0-9]", re.ASCII)


class UnknownRouter(Unknown):
    def __init__(self, name: str) -> None:
        super().__init__(f"There is no router '{name[:60]}'. See: paas routers")


class InvalidRouterName(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} cannot be a router's name: 2 to 19 of a-z, 0-9 and -, starting with a letter and not "
            f"ending with -; not one of {', '.join(sorted(RESERVED))}."
        )


class RouterName(str):
    """Of a router that is to be registered. Fits a program's name and an argument of a shell's line."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if text in RESERVED or not _NAME.fullmatch(text):
            raise InvalidRouterName(text)
        return super().__new__(cls, text)


@dataclass(frozen=True, slots=True)
class RegisteredRouter:
    """A router on another machine counts from its first acknowledgement on; before, nobody waits for it."""

    name: str
    registered_at: float
    epoch: str | None = None
    number: int | None = None
    """Of the route table that it has acknowledged."""
    acknowledged_at: float | None = None
    address: str | None = None
    """Of its machine, once that was looked at; None for the one on the platform's own."""
    ssh_url: str | None = None
    """`ssh://USER@ADDRESS:PORT`: the far end of its tunnel; None for the one on the platform's own machine."""
    host_key: str | None = None
    """Of its machine's sshd, pinned at registration."""

    @property
    def is_elsewhere(self) -> bool:
        return self.ssh_url is not None

    @property
    def is_joining(self) -> bool:
        return self.is_elsewhere and self.epoch is None
