"""The request lines of routers on other machines, on their way to the platform: a bounded stream in Redis.

Key `paas:PLATFORM:routers:lines`: `router/ship.py` writes them, `watch` takes them out. A router may add to it and not
read it. While nobody takes anything out the oldest is lost.
"""

from dataclasses import dataclass
from typing import Any

from redis import Redis

from paas.routes.table import lines_key

MOST_PIECES = 256
PIECE_BYTES = 64 << 10
"""So it takes at most 16 MB of Redis."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of a router's spool, as it wrote them."""

    id: str
    router: str
    lines: str
    is_first: bool
    """Since its follower began: it may have been sent before."""


class RequestLines:
    """`redis` decodes responses. Every method raises RedisError when Redis does not answer."""

    def __init__(self, redis: Redis, platform: str) -> None:
        self._redis: Any = redis
        """Any: redis-py's types do not know what `decode_responses` makes of an answer."""
        self._key = lines_key(platform)

    def send(self, router: str, lines: str, *, is_first: bool) -> None:
        said = {"router": router, "lines": lines, "first": int(is_first)}
        self._redis.xadd(self._key, said, maxlen=MOST_PIECES, approximate=False)

    def next(self, count: int, patience_seconds: float) -> list[Piece]:
        """The oldest; the same again until they are `taken`. Empty after so long without any."""
        found = self._redis.xread({self._key: "0"}, count=count, block=int(1000 * patience_seconds))
        return [
            Piece(
                piece_id,
                str(said.get("router", "")),
                str(said.get("lines", "")),
                said.get("first") != "0",
            )
            for _, pieces in found
            for piece_id, said in pieces
        ]

    def taken(self, pieces: list[Piece]) -> None:
        self._redis.xdel(self._key, *(piece.id for piece in pieces))
