"""From the engine's stream of a container's log to lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from paas.engine.engine import RawLine
from paas.engine.frames import Frames
from paas.engine.seen import parse_ns

PIECE = 10_000
"""Bytes of the longest line; what is longer comes in pieces, one nanosecond apart."""


@dataclass(slots=True)
class _Line:
    """A line that has not ended yet."""

    at_ns: int
    pieces: int = 0
    data: bytearray = field(default_factory=bytearray)

    def take(self, *, is_whole: bool) -> Iterator[RawLine]:
        """What can be told of it so far; all of it when it is whole."""
        if is_whole and self.data.endswith(b"\n"):
            del self.data[-2 if self.data.endswith(b"\r\n") else -1 :]
        while len(self.data) > PIECE or (is_whole and (self.data or not self.pieces)):
            cut = _cut(self.data)
            text = self.data[:cut].decode(errors="replace")
            del self.data[:cut]
            yield RawLine(self.at_ns + self.pieces, text)
            self.pieces += 1


def _cut(data: bytearray) -> int:
    """Where the first piece ends: not within a character."""
    if len(data) <= PIECE:
        return len(data)
    for cut in range(PIECE, PIECE - 4, -1):
        if data[cut] & 0xC0 != 0x80:
            return cut
    return PIECE


class LogLines:
    """Takes bytes as they come, tells lines as they are complete.

    The log of a container with a terminal is plain text. Any other is made of frames, each with a line of stdout or of
    stderr, or with a part of a line: the engine keeps 16 KiB at most in one, and gives the parts the same time.
    """

    def __init__(self, *, has_terminal: bool) -> None:
        self._frames = None if has_terminal else Frames()
        self._plain = bytearray()
        self._open: dict[int, _Line] = {}

    def feed(self, data: bytes) -> Iterator[RawLine]:
        messages = self._frames.feed(data) if self._frames else self._messages(data)
        for kind, message in messages:
            yield from self._add(kind, message)

    def finish(self) -> Iterator[RawLine]:
        """The last line, if nothing ended it."""
        for line in sorted(self._open.values(), key=lambda line: line.at_ns):
            yield from line.take(is_whole=True)
        self._open.clear()

    def _messages(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        self._plain += data
        while (end := self._plain.find(b"\n") + 1) > 0:
            message = bytes(self._plain[:end])
            del self._plain[:end]
            yield 1, message

    def _add(self, kind: int, message: bytes) -> Iterator[RawLine]:
        moment, _, text = message.partition(b" ")
        line = self._open.pop(kind, None)
        try:
            at_ns = parse_ns(moment.decode())
        except ValueError:
            return  # not the engine's form
        if line is not None and line.at_ns != at_ns:  # nothing ended it: its process did
            yield from line.take(is_whole=True)
            line = None
        line = line or _Line(at_ns)
        line.data += text
        is_whole = text.endswith(b"\n")
        yield from line.take(is_whole=is_whole)
        if not is_whole:
            self._open[kind] = line
