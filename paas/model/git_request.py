"""What the API asks of the door for somebody whom it has let in: one push or fetch over HTTP, or one build."""

import json
from dataclasses import dataclass, fields
from typing import Self

from paas.errors import Invalid

RECEIVE, UPLOAD = "git-receive-pack", "git-upload-pack"
"""git's programs for a push and for a fetch."""
BUILD = "paas-build"
"""Of a commit that the repository has. No program: the door asks the API for the build, as a push does."""
PACK_TIMES, MOST_TIMES = 2, 4
"""How many times the largest tree a push may bring, for there may be many versions of it. Above the first the hook
refuses it and says what to do; above the second git breaks it off, so that no push fills the disk."""
LENGTH_BYTES = 4
HEAD_LIMIT = 16 * 1024


class NoGitRequest(Invalid):
    def __init__(self) -> None:
        super().__init__("What the door was asked is no request for git. Nothing was changed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitRequest:
    program: str
    """RECEIVE, UPLOAD or BUILD."""
    is_advertisement: bool
    """Only what refs there are."""
    protocol: str
    """What the client gives as GIT_PROTOCOL."""
    app_id: str
    app: str
    person: str
    source_mb: int
    ref: str = ""
    """What is to be built: a commit, a branch or a tag."""
    purpose: str = "release"
    """What the build is for, in the API's words."""

    def head(self) -> bytes:
        """What goes before the body: its length in four bytes, and JSON."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        text = json.dumps(given).encode()
        return len(text).to_bytes(LENGTH_BYTES, "big") + text

    @classmethod
    def read(cls, text: bytes) -> Self:
        """From the JSON of a head. Raises NoGitRequest."""
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            raise NoGitRequest from None
        if not isinstance(given, dict):
            raise NoGitRequest
        kinds = {name: type(value) for name, value in given.items()}
        if kinds != cls.__annotations__ or given["program"] not in (RECEIVE, UPLOAD, BUILD):
            raise NoGitRequest
        return cls(**given)
