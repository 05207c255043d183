"""Takes the request lines of routers on other machines into the apps' streams, each once, also across our own death."""

from paas.logs.spool import RequestLog
from paas.routes.request_lines import RequestLines
from paas.wiring import Platform

AT_ONCE = 16
PATIENCE_SECONDS = 2.0
"""Less than an answer of Redis may take."""


class FarLines:
    """What was stored just before we died is found in the streams themselves; what a router sends twice likewise."""

    def __init__(self, platform: Platform) -> None:
        self._lines = RequestLines(platform.redis, platform.settings.platform)
        self._log = RequestLog(platform.logs, platform.apps)
        self._is_sure = False
        """What comes next is not stored yet."""

    def take(self) -> int:
        """What has come, waited for; how many pieces. Raises RedisError, LogUnwritable and RecordUnavailable."""
        pieces = self._lines.next(AT_ONCE, PATIENCE_SECONDS)
        is_sure, self._is_sure = self._is_sure, False
        for piece in pieces:
            is_new = is_sure and not piece.is_first
            self._log.store(piece.lines.encode(), is_sure=is_new)
        if pieces:
            self._lines.taken(pieces)
        self._is_sure = True
        return len(pieces)
