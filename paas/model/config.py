"""An app's config vars."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from paas.errors import Invalid

VALUE_LIMIT = 32 * 1024
"""Bytes of one value."""
TOTAL_LIMIT = 64 * 1024
"""Bytes of all keys and values of an app (Heroku's limit)."""
RESERVED = frozenset({"PORT", "DYNO", "HOME"})


class InvalidConfig(Invalid):
    def __init__(self, key: str, why: str) -> None:
        self.key = key
        super().__init__(f"Config var {key[:60]!r}: {why}. Nothing was changed.")


@dataclass(frozen=True, slots=True, repr=False)
class Config:
    """An app's environment. A change makes a new Config, and so a new release. Values are opaque text without NUL."""

    vars: Mapping[str, str] = field(default_factory=dict)

    def changed(self, changes: Mapping[str, str | None]) -> Self:
        """`None` unsets, as in the Heroku API. Raises InvalidConfig; then nothing is changed."""
        for key, value in changes.items():
            check_var(key, value)
        merged = {**self.vars, **changes}
        kept = {key: value for key, value in merged.items() if value is not None}
        size = sum(len(key.encode()) + len(value.encode()) for key, value in kept.items())
        if size > TOTAL_LIMIT:
            raise InvalidConfig(
                next(iter(changes), ""),
                f"the app's config would be {size} bytes; {TOTAL_LIMIT} is the most",
            )
        return replace(self, vars=kept)

    def __repr__(self) -> str:
        return f"Config({', '.join(sorted(self.vars))})"  # names only: a repr ends up in a log


def check_var(key: str, value: str | None = None) -> None:
    """Raises InvalidConfig."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", key) or key.startswith("__"):
        raise InvalidConfig(
            key, "a key is letters, digits and _, does not start with a digit or __, at most 128"
        )
    if key in RESERVED or key.startswith("HEROKU_"):
        raise InvalidConfig(key, "this key belongs to the platform")
    if value is None:
        return
    if "\0" in value:
        raise InvalidConfig(key, "a value cannot hold a NUL byte")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidConfig(key, "the value is not valid UTF-8") from None
    if size > VALUE_LIMIT:
        raise InvalidConfig(key, f"the value is {size} bytes; {VALUE_LIMIT} is the most")
