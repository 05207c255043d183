"""Takes what the router said about requests into the apps' streams, each line once, also across our own death.

The router's spool is described in `router/log.py`. It is written by another user, so nothing in it is believed.
"""

import json
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from paas.logs.store import LogStore
from paas.model.app import UnknownApp
from paas.model.log import LogLine
from paas.store.apps import AppStore

CHUNK = 1 << 20
MOST_LINES = 10_000
"""Of an app's stream that are looked through, after a start or a failure, for those of the last chunk."""
_STAMP = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z"
_APP_ID = r"[0-9a-f-]{36}"


@dataclass(frozen=True, slots=True)
class _Place:
    file: str
    offset: int


class RequestLog:
    """What routers said, into the apps' streams."""

    def __init__(self, logs: LogStore, apps: AppStore) -> None:
        self._logs, self._apps = logs, apps

    def store(self, content: bytes, *, is_sure: bool) -> None:
        """Whole lines. Unless it is sure that they are new, those that are stored already are left out.

        Raises LogUnwritable and RecordUnavailable.
        """
        lines: dict[str, list[LogLine]] = {}
        for raw in content.splitlines():
            if (said := _decode(raw)) is not None:
                lines.setdefault(said[0], []).append(said[1])
        for app_id, of_app in lines.items():
            if self._is_known(app_id):
                stored = () if is_sure else self._stored(app_id)
                self._logs.append(app_id, [line for line in of_app if line not in stored])

    def _stored(self, app_id: str) -> Collection[LogLine]:
        return frozenset(self._logs.tail(app_id, MOST_LINES, dyno="router", source="heroku")[0])

    def _is_known(self, app_id: str) -> bool:
        try:
            self._apps.get(app_id)
        except UnknownApp:
            return False
        return True


class RouterSpool:
    def __init__(self, folder: Path, position: Path, log: RequestLog) -> None:
        """`position` is a file of ours that tells how far the spool in `folder` was read."""
        self._folder, self._position, self._log = folder, position, log
        self._place = _read_place(position)
        self._is_sure = False
        """What comes next is not stored yet."""

    def take(self) -> int:
        """What has come since, at most 1 MiB of it; how many bytes. Raises LogUnwritable and RecordUnavailable.

        The place is kept after the lines are. What was stored just before we died is found in the streams themselves.
        """
        files = sorted(path.name for path in self._folder.glob("*.jsonl"))
        place = self._next_place(files)
        if place is None:
            return 0
        try:
            with (self._folder / place.file).open("rb") as file:
                file.seek(place.offset)
                content = file.read(CHUNK)
        except FileNotFoundError:  # the router dropped it since it was listed
            return 0
        taken = content.rfind(b"\n") + 1
        if taken:
            self._store(content[:taken])
            self._keep(_Place(place.file, place.offset + taken))
        elif place.file != files[-1]:  # it was complete when it was listed
            self._keep(_Place(files[files.index(place.file) + 1], 0))
        return taken

    def _next_place(self, files: Sequence[str]) -> _Place | None:
        """The place we are at; the oldest file when there is none or its file was dropped."""
        if self._place is not None and self._place.file in files:
            return self._place
        later = [name for name in files if self._place and name > self._place.file]
        return _Place((later or files)[0], 0) if files else None

    def _store(self, content: bytes) -> None:
        is_sure, self._is_sure = self._is_sure, False
        self._log.store(content, is_sure=is_sure)
        self._is_sure = True

    def _keep(self, place: _Place) -> None:
        self._place = place
        temporary = self._position.with_name(f".{self._position.name}.{os.getpid()}")
        temporary.write_text(f"{place.file} {place.offset}\n")
        temporary.replace(self._position)


def _read_place(path: Path) -> _Place | None:
    try:
        found = re.fullmatch(r"(\d{10}\.jsonl) (\d{1,12})\n", path.read_text())
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    return _Place(found[1], int(found[2])) if found else None


def _decode(raw: bytes) -> tuple[str, LogLine] | None:
    """The app and the line; None for what the router cannot have meant."""
    try:
        said = json.loads(raw)
        at, app_id, text = said["at"], said["app_id"], said["text"]
        moment = re.fullmatch(_STAMP, at)
        if moment is None or not re.fullmatch(_APP_ID, app_id) or not isinstance(text, str):
            return None
        seconds = int(datetime.fromisoformat(f"{moment[1]}+00:00").timestamp())
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    at_ns = max(0, seconds * 1_000_000_000 + int(moment[2]))
    return app_id, LogLine(at_ns, "heroku", "router", text)
