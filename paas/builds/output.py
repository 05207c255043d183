"""A build's output: Heroku's form, no config values in it, and no more of it than a person can read."""

import re
from collections import deque
from collections.abc import Callable, Iterable

from paas.builds.redact import Redactor

Report = Callable[[str], None]

OUTPUT_LIMIT = 10 * 1024 * 1024
"""Bytes of a program's output; of what comes after them only the end is kept."""
TAIL_LIMIT = 64 * 1024
LINE_LIMIT = 64 * 1024
REASON_LIMIT = 600
_STRANGE = re.compile(r"\x1b(?!\[[0-9;]{0,20}m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
"""What moves a cursor. Colours and tabs may pass."""


class Output:
    """Lines of ours, and what programs print. Nothing is held back but the line that is not whole yet."""

    def __init__(self, report: Report, config: Iterable[str] = ()) -> None:
        """`config`: the values that must not appear."""
        self._report = report
        self._config = frozenset(config)
        self._redactor = _redactor(self._config)
        self._rest = b""
        self._is_cut = False
        """What comes up to the next end of a line belongs to one that was cut."""
        self._left = OUTPUT_LIMIT
        self._tail: deque[bytes] = deque()
        self._tail_size = self._left_out = 0

    def hide(self, config: Iterable[str]) -> None:
        """More values that must not appear from now on."""
        self._config |= frozenset(config)
        self._redactor = _redactor(self._config)

    def title(self, text: str) -> None:
        self._report(f"-----> {text}\n")

    def line(self, text: str) -> None:
        self._report(f"       {text}\n")

    def complain(self, text: str) -> None:
        self._report(f" !     {text}\n")

    def feed(self, data: bytes, indent: str = "") -> None:
        """What a program printed, as it comes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if self._is_cut and not lines:
            self._rest = b""
        elif self._is_cut:
            lines, self._is_cut = lines[1:], False
        if len(self._rest) > LINE_LIMIT:
            # Not in the middle of a secret, which then would not be known for one.
            lines.append(self._rest[: LINE_LIMIT - self._redactor.longest] + b" [cut]")
            self._rest, self._is_cut = b"", True
        self._show(lines, indent)

    def end(self, indent: str = "") -> None:
        """The program has ended: the last line, and the end of what was left out."""
        if self._rest or self._is_cut:
            self.feed(b"\n", indent)
        if self._tail:
            left_out = self._left_out - len(self._tail)
            tail = "".join(f"{indent}{self._clean(line)}\n" for line in self._tail)
            self._report(f"       [{left_out} lines are left out here]\n{tail}")
            self._tail.clear()
            self._tail_size = self._left_out = 0

    def clean(self, text: str) -> str:
        """Without config values, on one line, and not too long: for a reason that quotes a program."""
        line = " ".join(self._clean(text.encode("utf-8", "replace")).split())
        return line if len(line) <= REASON_LIMIT else f"{line[:REASON_LIMIT]}…"

    def _clean(self, line: bytes) -> str:
        text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
        return self._redactor.clean(_STRANGE.sub("", text))

    def _show(self, lines: list[bytes], indent: str) -> None:
        shown = []
        for line in lines:
            if self._left > 0:
                self._left -= len(line) + 1
                shown.append(f"{indent}{self._clean(line)}\n")
            else:
                self._keep(line)
        if shown:
            self._report("".join(shown))

    def _keep(self, line: bytes) -> None:
        """As it came: most of a flood is never shown, and to clean it takes time."""
        self._left_out += 1
        self._tail.append(line)
        self._tail_size += len(line) + 1
        while self._tail_size > TAIL_LIMIT and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft()) + 1


def _redactor(config: Iterable[str]) -> Redactor:
    return Redactor(form for value in config for form in (value, _STRANGE.sub("", value)))
