"""A process type: a name such as `web`, and what it runs."""

import re
from collections.abc import Collection
from typing import Self

from paas.errors import Invalid, Unknown

WEB = "web"
RELEASE = "release"
"""The process type that runs once per release, before it serves."""
POSTDEPLOY = "postdeploy"
"""The one that runs once per release, when it serves."""
ONCE = frozenset({RELEASE, POSTDEPLOY})
"""They are never scaled."""


class InvalidProcessType(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} cannot be a process type: 1 to 30 letters, digits, - and _, starting with a letter."
        )


class UnknownProcessType(Unknown):
    def __init__(self, app: str, process: str, known: Collection[str]) -> None:
        self.app, self.process, self.known = app, process, known
        has = ", ".join(sorted(known)) or "none yet: push first"
        super().__init__(f"{app} has no '{process[:60]}' process. It has: {has}.")


class ProcessType(str):
    """Fits a log line, a dyno's name and an environment variable."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,29}", text):
            raise InvalidProcessType(text)
        return super().__new__(cls, text)
