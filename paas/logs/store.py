"""Logs: one stream per app, and one output per build, release phase or crash. Bounded files, nothing else.

An app's stream holds what its builds, dynos, router and the platform said, in the order in which it was stored. Any
process appends; a reader never sees half a line.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from paas.logs.segments import LogUnwritable, Segments
from paas.model.log import LogLine

Position = str
"""A place in an app's stream. It stays good: one that was dropped means the oldest line that is kept."""
START: Position = "0"
LINE_LIMIT = 10_000
"""Bytes of a line; a longer one is stored in pieces."""
OUTPUT_SEGMENT_BYTES = 1024 * 1024
OUTPUT_FIRST, OUTPUT_LAST = 2, 8
"""Of a long output the first 2 MiB and the last 7 to 8 are kept."""
DISORDER_NS = 2_000_000_000
"""How far apart in time two lines of a container may be that an engine keeps in the wrong order."""
_SEGMENTS = 4
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """Where to go on reading a container's log: at `since_ns`, leaving out the `lines` that are stored already."""

    since_ns: int
    lines: Counter[tuple[int, str]]


class LogStore:
    def __init__(self, folder: Path, limit_mb: int) -> None:
        self._folder = folder
        self._segment_bytes = limit_mb * 1024 * 1024 // _SEGMENTS

    def append(self, app_id: str, lines: Iterable[LogLine]) -> None:
        """In this order. Raises LogUnwritable, which tells how many pieces (see `pieces`) were stored all the same."""
        records = [_encode(piece) for line in lines for piece in pieces(line)]
        if records:
            self._stream(app_id).append(records)

    def tail(
        self,
        app_id: str,
        count: int,
        *,
        dyno: str | None = None,
        source: str | None = None,
        container: str | None = None,
    ) -> tuple[list[LogLine], Position]:
        """The last lines by time, oldest first, and where to go on. `dyno`: `web.1`, or `web` for all of them.

        `container`: only what this one printed.
        """
        found: list[LogLine] = []
        end: int | None = None
        needle = (f"\t{dyno or ''}" if container is None else f"\t{container}\tapp\t").encode()
        for start, content in self._stream(app_id).backwards():
            if end is None:
                end = start + content.rfind(b"\n") + 1
            for raw in _backwards(content, needle):
                if len(found) >= count:
                    break
                line = _decode(raw)
                if line is None or not _matches(line, dyno, source):
                    continue
                if container in (None, line.container):
                    found.append(line)
            if len(found) >= count:
                break
        found.reverse()
        return sorted(found, key=lambda line: line.at_ns), str(end or 0)

    def after(
        self,
        app_id: str,
        position: Position,
        *,
        dyno: str | None = None,
        source: str | None = None,
        limit: int = 1000,
    ) -> tuple[list[LogLine], Position]:
        """What was stored after `position`, and where to go on. A position nobody gave out is the oldest line."""
        stream, offset = self._stream(app_id), _offset(position)
        found: list[LogLine] = []
        while True:
            offset, content = stream.read(offset, _CHUNK)
            whole = content[: content.rfind(b"\n") + 1]
            if not whole:
                return found, str(offset)
            for raw in whole[:-1].split(b"\n"):
                offset += len(raw) + 1
                line = _decode(raw)
                if line is not None and _matches(line, dyno, source):
                    found.append(line)
                    if len(found) >= limit:
                        return found, str(offset)

    def kept(self, app_id: str, container: str) -> Kept:
        """How far the log of `container` is stored, told by the stored lines themselves.

        What is older than the oldest line of the whole stream was stored once and dropped: it does not come back.
        """
        found: Counter[tuple[int, str]] = Counter()
        newest, oldest = 0, 0
        for start, content in self._stream(app_id).backwards():
            for raw in _backwards(content, f"\t{container}\t".encode()):
                line = _decode(raw)
                if line is None or line.container != container:
                    continue
                newest = max(newest, line.at_ns)
                if line.at_ns < newest - DISORDER_NS:
                    return Kept(newest - DISORDER_NS, found)
                found[line.at_ns, line.text] += 1
            first = _decode(content[: content.find(b"\n")])
            oldest = first.at_ns if start and first else 0
        return Kept(oldest, found)

    def remove(self, app_id: str) -> None:
        self._stream(app_id).remove()

    def write_output(self, name: str, text: str) -> None:
        """At its end. Raises LogUnwritable."""
        data = text.encode("utf-8", "replace")
        chunks = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
        if chunks:
            self._output(name).append(chunks)

    def read_output(self, name: str, offset: int) -> tuple[bytes, int]:
        """What there is from `offset` on, at most 256 KiB, and where to go on; empty if there is nothing yet."""
        begin, content = self._output(name).read(offset, _CHUNK)
        left_out = begin - offset
        note = f"\n[{left_out} bytes are left out here]\n".encode() if left_out > 0 else b""
        return note + content, begin + len(content)

    def remove_output(self, name: str) -> None:
        self._output(name).remove()

    def _stream(self, app_id: str) -> Segments:
        return Segments(self._folder / "apps" / _name(app_id), self._segment_bytes, _SEGMENTS)

    def _output(self, name: str) -> Segments:
        folder = self._folder / "outputs" / _name(name)
        return Segments(folder, OUTPUT_SEGMENT_BYTES, OUTPUT_LAST, OUTPUT_FIRST, holds_lines=False)


def pieces(line: LogLine) -> Sequence[LogLine]:
    """The line as it is stored: no newlines in it, at most 10,000 bytes each."""
    if len(line.text) * 4 <= LINE_LIMIT and "\n" not in line.text:
        return (line,)
    texts = line.text.removesuffix("\n").split("\n")
    return [replace(line, text=piece) for text in texts for piece in _split(text)]


def platform_line(dyno: str, text: str, at: float) -> LogLine:
    """`heroku[web.1]: State changed from starting to up`."""
    return LogLine(at_ns=round(at * 1_000_000) * 1000, source="heroku", dyno=dyno, text=text)


def say(store: LogStore, app_id: str, dyno: str, text: str, now: float) -> None:
    """What the platform has to tell about an app. A log that cannot be written never stops what it is about."""
    with suppress(LogUnwritable):
        store.append(app_id, [platform_line(dyno, text, now)])


def _split(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "replace")
    while len(data) > LINE_LIMIT:
        cut = LINE_LIMIT
        while data[cut] & 0xC0 == 0x80:  # never within a character
            cut -= 1
        yield data[:cut].decode()
        data = data[cut:]
    yield data.decode()


def _encode(line: LogLine) -> bytes:
    head = f"{line.at_ns}\t{line.container}\t{line.source}\t{line.dyno}\t"
    return f"{head}{line.text}\n".encode("utf-8", "replace")


def _decode(raw: bytes) -> LogLine | None:
    """None: not a line of ours, such as what a power failure left."""
    parts = raw.split(b"\t", 4)
    if len(parts) != 5 or not parts[0].isdigit() or len(parts[0]) > 19:
        return None
    container, source, dyno, text = (part.decode("utf-8", "replace") for part in parts[1:])
    return LogLine(int(parts[0]), source, dyno, text, container)


def _backwards(content: bytes, needle: bytes = b"") -> Iterator[bytes]:
    """The whole lines of `content` that hold `needle`, the last first."""
    end = content.rfind(b"\n")
    while end >= 0:
        if needle:
            at = content.rfind(needle, 0, end)
            if at < 0:
                return
            end = content.find(b"\n", at)
        begin = content.rfind(b"\n", 0, end) + 1
        yield content[begin:end]
        end = begin - 1


def _matches(line: LogLine, dyno: str | None, source: str | None) -> bool:
    if source is not None and line.source != source:
        return False
    return dyno is None or line.dyno == dyno or line.dyno.startswith(f"{dyno}.")


def _offset(position: Position) -> int:
    return int(position) if re.fullmatch(r"[0-9]{1,15}", position) else 0


def _name(text: str) -> str:
    """Fits a folder. Names come from the record; one that does not fit is a mistake of ours."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ValueError(f"not a log's name: {text!r}")
    return text
