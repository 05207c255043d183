"""What a person calls an image that is there already: an engine's id of it, or a name with a tag or a digest."""

import re
from typing import Self

from paas.errors import Invalid

_ID = re.compile(r"(sha256:[0-9a-f]{64}|[0-9a-f]{12,64})")
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"((?P<host>localhost|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|[a-zA-Z0-9-]+(?=:[0-9]+/))(:[0-9]{{1,5}})?/)?"
    rf"(?P<path>{_PART}(?:/{_PART})*)(?P<which>(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?)"
)
_DEFAULT_HOSTS = frozenset({"docker.io", "index.docker.io"})
"""An engine leaves these out of a name."""
_LONGEST = 400


class InvalidImage(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} cannot be an image. Name it as an engine does, such as nginx:1.27"
        )


class NotForDeploys(Invalid):
    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"The image {text[:100]} cannot be deployed: {why}.")


class ImageReference(str):
    """Never a name of the platform's own images. A name without a tag means `latest`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Raises InvalidImage and NotForDeploys."""
        if _ID.fullmatch(text):
            return super().__new__(cls, text)
        named = _NAME.fullmatch(text) if len(text) <= _LONGEST else None
        if named is None:
            raise InvalidImage(text)
        host = (named["host"] or "").lower()
        if host == "localhost" or host.startswith("127."):
            raise NotForDeploys(text, "a registry on this machine itself is nobody's")
        if (not host or host in _DEFAULT_HOSTS) and named["path"].startswith("paas/"):
            raise NotForDeploys(text, "names that begin with paas/ are the platform's own")
        return super().__new__(cls, text if named["which"] else f"{text}:latest")

    @property
    def is_id(self) -> bool:
        """No registry knows it."""
        return _ID.fullmatch(self) is not None
