"""The little of git's wire format that is spoken before git speaks: what a push asks for, and words beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from paas.errors import Invalid

LARGEST = 65520
"""Bytes of one packet, with its length."""
FLUSH = b"0000"
PROGRESS, FATAL = b"\2", b"\3"
_RESULT = b"\1"
ZERO = "0" * 40


class NotGits(Invalid):
    def __init__(self) -> None:
        super().__init__("What came is not what git sends. Nothing was changed.")


@dataclass(frozen=True, slots=True)
class Command:
    """One branch or tag, from what the client saw it at to where it is to be. `ZERO`: it is not there."""

    old: str
    new: str
    ref: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What the client wants changed. No commands: it only asks whether it may."""

    commands: tuple[Command, ...]
    capabilities: frozenset[str]

    @property
    def has_side_band(self) -> bool:
        """Words can reach the person beside the result."""
        return "side-band-64k" in self.capabilities

    @classmethod
    def read(cls, start: bytes) -> "Changes | None":
        """From what a push begins with; None: it is not all there yet. Raises NotGits."""
        commands: list[Command] = []
        capabilities = ""
        for line in _packets(start):
            if line is None:
                return None
            if not line:
                return cls(tuple(commands), frozenset(capabilities.split()))
            if line.startswith("shallow "):
                continue
            command, _, told = line.partition("\0")
            capabilities = capabilities or told
            words = command.rstrip("\n").split(" ", 2)
            if len(words) != 3 or not all(_is_object(word) for word in words[:2]):
                raise NotGits
            commands.append(Command(*words))
        return None

    def result(self, refusals: dict[str, str]) -> bytes:
        """The answer in git's place: each ref is where it was to be, or was refused for a reason."""
        if not {"report-status", "report-status-v2"} & self.capabilities:
            return FLUSH if self.has_side_band else b""
        lines = [packet(b"unpack ok\n")]
        for command in self.commands:
            why = refusals.get(command.ref)
            text = f"ok {command.ref}\n" if why is None else f"ng {command.ref} {why}\n"
            lines.append(packet(text.encode("utf-8", "replace")))
        report = b"".join(lines) + FLUSH
        return side_band(_RESULT, report) + FLUSH if self.has_side_band else report


def begins(start: bytes) -> bool | None:
    """As a packet does; None: it is too little to tell. Raises NotGits."""
    if len(start) < 4:
        return None
    _size(start[:4])
    return True


def packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content


def side_band(band: bytes, data: bytes) -> bytes:
    size = LARGEST - 5
    return b"".join(packet(band + data[at : at + size]) for at in range(0, len(data), size))


def _packets(data: bytes) -> Iterator[str | None]:
    """One after the other; empty: a flush. None, the last one: the rest is not there yet. Raises NotGits."""
    at = 0
    while True:
        digits = data[at : at + 4]
        if len(digits) < 4:
            yield None
            return
        size = _size(digits)
        if size != 0 and not 4 < size <= LARGEST:
            raise NotGits
        if len(data) < at + size:
            yield None
            return
        yield data[at + 4 : at + size].decode("utf-8", "replace") if size else ""
        at += size or 4


def _size(digits: bytes) -> int:
    if not re.fullmatch(rb"[0-9a-fA-F]{4}", digits):
        raise NotGits
    return int(digits, 16)


def _is_object(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", text) is not None
