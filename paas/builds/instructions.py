"""Dockerfile: text -> its instructions, each with its line. BuildKit reads the file itself; this is for what we say."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STEPS = frozenset({"RUN", "COPY", "ADD", "WORKDIR"})
"""Those that BuildKit counts, beside the FROM of an image."""
SIZE_LIMIT = 1024 * 1024
_HEREDOC = re.compile(r"(?:^|\s)(?:\d*)<<(-?)(['\"]?)([A-Za-z_][\w.]*)\2(?=\s|$|[;&|)>])")
_TAKE_HEREDOCS = ("RUN", "COPY", "ADD")
_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Instruction:
    keyword: str
    """In capitals."""
    text: str
    """What stands behind it, continued lines joined."""
    line: int
    last_line: int
    """Of the instruction itself, without the bodies of its heredocs."""
    heredocs: Sequence[str] = ()
    """The words that end them."""
    pieces: Sequence[tuple[int, str]] = ()
    """What is joined: the number of each line, and how far that line counts."""


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    """As it is written, or its number."""
    is_of_image: bool
    """Its FROM is a step: neither another stage nor scratch."""
    steps: Sequence[Instruction]


@dataclass(frozen=True, slots=True)
class Dockerfile:
    instructions: Sequence[Instruction]
    frontend: str | None = None
    """What a `# syntax=` line names."""
    frontend_line: int = 0
    stages: Sequence[Stage] = ()

    @property
    def args(self) -> frozenset[str]:
        """Every name that an ARG declares."""
        declared = (each.text for each in self.instructions if each.keyword == "ARG")
        return frozenset(word.partition("=")[0] for text in declared for word in text.split())


def read_dockerfile(text: str) -> Dockerfile:
    """Never fails: what is no instruction is one of an unknown keyword."""
    lines = re.split(r"\r?\n", text.removeprefix("\ufeff"))
    directives = {name: (value, line) for name, value, line in _directives(lines)}
    frontend, at = directives.get("syntax", (None, 0))
    escape = "`" if directives.get("escape", ("",))[0] == "`" else "\\"
    instructions = tuple(_instructions(lines, escape))
    return Dockerfile(instructions, frontend, at, tuple(_stages(instructions)))


def _directives(lines: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    for number, line in enumerate(lines, start=1):
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            return
        yield found[1].lower(), found[2], number


def _instructions(lines: Sequence[str], escape: str) -> Iterator[Instruction]:
    continued = re.compile(rf"(^|[^{re.escape(escape)}]){re.escape(escape)}[ \t]*$")
    ending, position = _Endings(lines), 0
    while position < len(lines):
        first, pieces = position, list[tuple[int, str]]()
        while position < len(lines):
            line, position = lines[position], position + 1
            if line.lstrip().startswith("#") or not line.strip():
                if not pieces:
                    break
                continue
            more = continued.search(line)
            pieces.append((position, line[: more.end(1)] if more else line))
            if not more:
                break
        if not pieces:
            continue
        words = "".join(text for _, text in pieces).split(None, 1)
        keyword, rest = words[0].upper() if words else "", "".join(words[1:])
        last = position
        ends = _HEREDOC.findall(rest) if keyword in _TAKE_HEREDOCS else []
        for dash, _, word in ends:
            position = ending.behind(position, word, is_indented=bool(dash))
        closing = tuple(word for _, _, word in ends)
        yield Instruction(keyword, rest.strip(), first + 1, last, closing, pieces)


class _Endings:
    """Where heredocs may end. A file of a hundred thousand that do not end must not take hours."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._plain: dict[str, list[int]] = {}
        self._indented: dict[str, list[int]] = {}
        for number, line in enumerate(lines):
            self._plain.setdefault(line, []).append(number)
            self._indented.setdefault(line.lstrip("\t"), []).append(number)

    def behind(self, position: int, word: str, *, is_indented: bool) -> int:
        """After the heredoc that `word` ends; where nothing ends it, there is none."""
        numbers = (self._indented if is_indented else self._plain).get(word, [])
        found = bisect_left(numbers, position)
        return numbers[found] + 1 if found < len(numbers) else position


def _stages(instructions: Sequence[Instruction]) -> Iterator[Stage]:
    starts = [number for number, each in enumerate(instructions) if each.keyword == "FROM"]
    known: set[str] = set()
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else len(instructions)
        words = [w for w in instructions[start].text.split() if not w.startswith("--")]
        base = words[0].lower() if words else ""
        named = len(words) > 2 and words[1].lower() == "as"
        steps = [each for each in instructions[start + 1 : end] if each.keyword in STEPS]
        is_of_image = base not in known and base != "scratch"
        yield Stage(words[2] if named else str(index), is_of_image, tuple(steps))
        known |= {words[2].lower()} if named else set()
