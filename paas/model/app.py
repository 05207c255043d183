"""An app: what is pushed to."""

import re
from dataclasses import dataclass
from typing import Self

from paas.errors import Invalid, Unknown

_NAME = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]")
RESERVED = frozenset({"api", "git", "www", "paas", "admin", "status", "localhost"})
"""Names of the platform's own, and one that every machine takes for itself. No new app gets one."""


class InvalidAppName(Invalid):
    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            f"{text[:60]!r} cannot be an app's name: 3 to 30 of a-z, 0-9 and -, starting with a letter "
            f"and not ending with -; not one of {', '.join(sorted(RESERVED))}."
        )


class UnknownApp(Unknown):
    def __init__(self, name: str) -> None:
        self.name = name
        may_be_made = _NAME.fullmatch(name) and name not in RESERVED
        super().__init__(
            f"There is no app '{name}'. Type: paas create {name}"
            if may_be_made
            else f"There is no app {name[:60]!r}. See: paas apps"  # and nothing to copy into a shell
        )


class AppName(str):
    """Fits a hostname label, a git remote and a folder, so nobody has to quote it."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not _NAME.fullmatch(text):
            raise InvalidAppName(text)
        return super().__new__(cls, text)

    @classmethod
    def of_new(cls, text: str) -> Self:
        """For an app that is to be made. Raises InvalidAppName for a reserved one, too."""
        if text in RESERVED:
            raise InvalidAppName(text)
        return cls(text)


@dataclass(frozen=True, slots=True)
class App:
    """What is pushed to. Its id never changes and never comes again; its name is free again once it is destroyed."""

    id: str
    name: AppName
    owner: str
    created_at: float
    updated_at: float
    stopped: bool
    wanted_release: int | None
    """What converge moves towards."""
    current_release: int | None
    """The last that served alone. Equal to `wanted_release` when no deploy is under way."""
    wake: int
    """Rises with every change of what is wanted or seen."""
    live_wake: int
    """The wake whose every change is live in all routers."""
    blocked: str | None = None
    """Why a dyno could not be placed, when one could not."""
    destroyed_at: float | None = None
