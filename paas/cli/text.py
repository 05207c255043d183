"""What is printed: listings on stdout, everything else on stderr."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

_UNPRINTABLE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # a terminal's control sequence, whole
    r"|[\x00-\x1f\x7f-\x9f]"
    r"|[\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # what turns the direction of writing
    r"|[\ud800-\udfff]"
)
_SPANS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def say(text: str) -> None:
    """Progress and remarks: on stderr, so that stdout holds what was asked for and nothing else."""
    click.echo(text, err=True)


def show(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def show_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2))


def plain(text: object) -> str:
    """One line that cannot move a cursor, colour a terminal or pretend to be another line."""
    return _UNPRINTABLE.sub("", " ".join(str(text).split()))


def columns(rows: Sequence[Sequence[object]]) -> list[str]:
    """The rows as lines, aligned; None is an empty cell."""
    cells = [["" if cell is None else plain(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def who(person: Mapping[str, Any] | None) -> str:
    """The name of a person. Heroku's form has an address instead, which begins with it."""
    return str((person or {}).get("email") or "").partition("@")[0]


def when(moment: object, now: float) -> str:
    """`2026/09/01 12:00:00 +0200 (~ 3m ago)`, on the clock of this machine; empty for None."""
    at = _parsed(moment)
    if at is None:
        return "" if moment is None else plain(moment)
    return f"{at.astimezone():%Y/%m/%d %H:%M:%S %z} ({_span(now - at.timestamp())})"


def ago(moment: object, now: float) -> str:
    """`~ 3m ago`; empty for None."""
    at = _parsed(moment)
    return "" if at is None else _span(now - at.timestamp())


def age(moment: object, now: float) -> float:
    """Seconds since then; 0 when it is not known."""
    at = _parsed(moment)
    return 0.0 if at is None else now - at.timestamp()


def _span(seconds: float) -> str:
    for unit, length in _SPANS:
        if seconds >= length:
            return f"~ {int(seconds // length)}{unit} ago"
    return "just now"


def _parsed(moment: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
