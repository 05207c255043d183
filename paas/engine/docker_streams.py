"""What Docker tells as it happens: events, logs, and what a command in a container prints."""

import json
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import chain, repeat
from typing import Any
from urllib.parse import quote, urlencode

from paas.engine.body import PLATFORM
from paas.engine.connections import APIError, Connections
from paas.engine.engine import Event, RawLine
from paas.engine.frames import Frames
from paas.engine.log_lines import LogLines
from paas.engine.seen import EVENTS, event_seen
from paas.engine.stream import Stream, StreamRefused

QUIET_SECONDS = (5.0, 30.0)
"""After so long a silence a log's reader looks at the container: at first, and from then on."""
PAUSE_SECONDS = 0.2
OUTPUT_LIMIT = 1 << 20
"""Bytes of what a command prints that are kept."""
OVERLAP_NS = 1_000_000
"""So much before the last line the engine is asked to begin again: pieces of one line have times of their own."""


def open_events(connections: Connections, host: str, platform: str) -> Stream:
    filters = {"type": ["container"], "label": [f"{PLATFORM}={platform}"], "event": list(EVENTS)}
    with connections.to(host):
        return connections.stream(host, "GET", f"/events?filters={quote(json.dumps(filters))}")


def read_events(stream: Stream) -> Iterator[Event | None]:
    """One JSON object a line, until the engine closes the stream; None after each second of silence."""
    ahead = b""
    while True:
        try:
            data = stream.read(1)
        except OSError:
            return
        if data is None:
            yield None
            continue
        if not data:
            return
        *lines, ahead = (ahead + data).split(b"\n")
        for line in lines:
            if line.strip() and (event := event_seen(json.loads(line))):
                yield event


class LogReader:
    """Reads one container's log, across restarts of the container and of the stream."""

    def __init__(self, connections: Connections, host: str, name: str, since_ns: int) -> None:
        self._connections, self._host, self._name = connections, host, name
        self._since_ns = self._last_ns = since_ns
        self._told: set[int] = set()

    def lines(self) -> Generator[RawLine]:
        while (found := self._inspect()) is not None:
            state = found["State"]
            may_print = state["Running"] or state["Restarting"] or state["Status"] == "created"
            yield from self._read(found, follow=may_print)
            if not may_print:
                return
            time.sleep(PAUSE_SECONDS)

    def _read(self, found: dict[str, Any], *, follow: bool) -> Iterator[RawLine]:
        lines = LogLines(has_terminal=found["Config"]["Tty"])
        stream = self._open(follow=follow)
        if stream is None:
            return
        try:
            while data := self._next(stream, found["State"]["StartedAt"]):
                yield from self._fresh(lines.feed(data))
            yield from self._fresh(lines.finish())
        finally:
            stream.close()

    def _next(self, stream: Stream, started_at: str) -> bytes:
        """Empty at the end, and when nothing more will come though the engine does not say so.

        That is so when the container has ended, and of 20.10 also when it was started again.
        """
        first, then = QUIET_SECONDS
        for seconds in chain([first], repeat(then)):
            try:
                data = stream.read(seconds)
            except OSError:
                break
            if data is not None:
                return data
            found = self._inspect()
            state = {} if found is None else found["State"]
            if not state.get("Running") or state["StartedAt"] != started_at:
                break
        return b""

    def _fresh(self, lines: Iterator[RawLine]) -> Iterator[RawLine]:
        """Those that were not told yet; lines of stdout and stderr may be slightly out of order."""
        for line in lines:
            if line.at_ns > self._since_ns and line.at_ns not in self._told:
                self._last_ns = max(self._last_ns, line.at_ns)
                self._told.add(line.at_ns)
                if len(self._told) > 10_000:
                    oldest = self._last_ns - OVERLAP_NS
                    self._told = {at_ns for at_ns in self._told if at_ns >= oldest}
                yield line

    def _open(self, *, follow: bool) -> Stream | None:
        """None: it is gone."""
        seconds, rest = divmod(max(self._last_ns - OVERLAP_NS, 0), 1_000_000_000)
        asked = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(follow)}
        query = urlencode({**asked, "since": f"{seconds}.{rest:09d}"})
        with self._connections.to(self._host):
            try:
                path = f"/containers/{self._name}/logs?{query}"
                return self._connections.stream(self._host, "GET", path)
            except StreamRefused as refused:
                if refused.status in (404, 409):
                    return None
                raise

    def _inspect(self) -> dict[str, Any] | None:
        with self._connections.to(self._host) as client:
            try:
                found: dict[str, Any] = client.inspect_container(self._name)
            except APIError as error:
                if error.status_code == 404:
                    return None
                raise
        return found


def read_output(stream: Stream, deadline: float) -> tuple[str, bool]:
    """The output so far, and whether it came to its end."""
    frames, output = Frames(), bytearray()
    with closing(stream):
        while (left := deadline - time.monotonic()) > 0:
            data = stream.read(left)
            if data is None:
                break
            if not data:
                return output.decode(errors="replace"), True
            for _, content in frames.feed(data):
                output += content[: OUTPUT_LIMIT - len(output)]
    return output.decode(errors="replace"), False
