"""Docker's frames: how stdout and stderr share one stream when there is no terminal."""

from collections.abc import Iterator

HEAD = 8
"""Bytes: one for the kind (1 stdout, 2 stderr), three unused, four for the length."""


class Frames:
    """Takes bytes as they come, tells frames as they are complete."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Kind and content."""
        self._bytes += data
        while len(self._bytes) >= HEAD:
            end = HEAD + int.from_bytes(self._bytes[4:HEAD], "big")
            if len(self._bytes) < end:
                return
            kind, content = self._bytes[0], bytes(self._bytes[HEAD:end])
            del self._bytes[:end]
            yield kind, content
