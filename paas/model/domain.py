"""A domain: a hostname a person claimed for an app."""

import re
from dataclasses import dataclass
from typing import Self

from paas.errors import Invalid


class InvalidHostname(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:80]!r} cannot be a domain: labels of a-z, 0-9 and - with dots between, at most 253 characters; "
            "a leading '*.' is allowed."
        )


class Hostname(str):
    """Lower case, without a trailing dot; may begin with `*.`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        name = text.lower().removesuffix(".")
        label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
        if len(name) > 253 or not re.fullmatch(rf"(\*\.)?({label}\.)+{label}", name):
            raise InvalidHostname(text)
        return super().__new__(cls, name)


@dataclass(frozen=True, slots=True)
class Domain:
    id: str
    hostname: Hostname
    app_id: str
    created_at: float
