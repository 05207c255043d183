"""Where a source is to be fetched from."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote, urlsplit

from paas.errors import Invalid

_SHOWN = 120
_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


class InvalidSourceUrl(Invalid):
    def __init__(self, text: str) -> None:
        shown = re.sub(r"//[^/@]*@", "//", text.partition("?")[0])[:_SHOWN]
        super().__init__(
            f"{shown!r} is no source: the get_url of a POST /sources here, or https://HOST/PATH of a tar. "
            "A git repository is pushed."
        )


@dataclass(frozen=True, slots=True, repr=False)
class SourceUrl:
    place: str
    """The URL, without user and password."""
    user: str
    password: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidSourceUrl."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise InvalidSourceUrl(text) from None
        is_good = _PRINTABLE.fullmatch(text) and _HOST.fullmatch(host) and ".." not in host
        if not is_good or parts.scheme != "https" or parts.fragment or port == 0:
            raise InvalidSourceUrl(text)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not f"{user}{password}".isprintable():
            raise InvalidSourceUrl(text)
        at = host if port is None else f"{host}:{port}"
        query = f"?{parts.query}" if parts.query else ""
        return cls(f"https://{at}{parts.path or '/'}{query}", user, password)

    def __str__(self) -> str:
        """To be shown: what lets somebody in is often in the query."""
        return self.place.partition("?")[0]

    __repr__ = __str__
