"""A Dockerfile's `RUN --mount=type=secret,id=NAME`, so that the cache of builds knows which value a step has seen.

BuildKit leaves a secret's value out of what it finds a step by, but not the secret's id. So in the copy of the
Dockerfile that BuildKit is given, each id that the app has named bears a keyed digest of app, name and value: a changed
value is another step, and no other app's step is ever found. An id that was not rewritten is given nothing.
"""

import csv
import io
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from paas.builds.instructions import read_dockerfile

FOLDER = "/run/secrets"
_RUN = re.compile(r"\s*(?:ONBUILD\s+)?RUN(?=\s)", re.IGNORECASE | re.ASCII)
_PIECE = r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(\\.|[^\s'"\\])"""
"""Of a word: quoted, or a character."""
_WORD = re.compile(rf"\s+((?:{_PIECE})+)", re.ASCII)
_ESCAPED = re.compile(r"\\(.)")
_MARKED = re.compile(r"([\s'\"\\])")
_TARGETS = ("target", "dst", "destination")
_IDS = ("source", "src", "id")


@dataclass(frozen=True, slots=True)
class Rewritten:
    text: str
    was: Mapping[str, str]
    """What each changed mount was before: output shows that."""
    asked: frozenset[str]
    """The ids of all secrets that the Dockerfile mounts."""
    unclear: Mapping[str, int]
    """Mounts of which only a variable tells whether they are a secret, or which, and the line of each one's step."""
    given: Mapping[str, str]
    """Id -> the name of its secret."""

    def shown(self, line: str) -> str:
        """BuildKit repeats some mounts without quotes, or in capitals: of those the ids alone are changed back."""
        if "--mount=" not in line.lower():
            return line
        for new, old in self.was.items():
            line = line.replace(new, old)
        for given, name in self.given.items():
            line = re.sub(re.escape(given), name, line, flags=re.IGNORECASE)
        return line


def rewrite(text: str, ids: Mapping[str, str]) -> Rewritten:
    """`ids`: the name of a secret -> the id that it is given under. No line moves."""
    characters = list(text)
    was: dict[str, str] = {}
    unclear: dict[str, int] = {}
    asked: set[str] = set()
    for found in _found(text):
        secret = found.mount.secret
        if found.mount.is_unclear:
            unclear[found.text] = found.line
        elif secret is not None:
            asked.add(secret)
            if secret in ids:
                new = f"--mount={_quoted(found.mount.renamed(ids[secret]))}"
                was[new] = found.text
                for place in found.places:
                    characters[place] = ""
                characters[found.places[0]] = new
    given = {given: name for name, given in ids.items()}
    return Rewritten("".join(characters), was, frozenset(asked), unclear, given)


@dataclass(frozen=True, slots=True)
class _Found:
    mount: "_Mount"
    text: str
    places: Sequence[int]
    """Of its characters in the whole text: a remark may be between them."""
    line: int
    """Of its instruction."""


def _found(text: str) -> Iterator[_Found]:
    begins = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    for each in read_dockerfile(text).instructions:
        joined = "".join(piece for _, piece in each.pieces)
        run = _RUN.match(joined)
        if run is None:
            continue
        places = [begins[line - 1] + at for line, piece in each.pieces for at in range(len(piece))]
        for start, end, fields in _mounts(joined, run.end()):
            yield _Found(_Mount.read(fields), joined[start:end], places[start:end], each.line)


def _mounts(joined: str, position: int) -> Iterator[tuple[int, int, Sequence[str]]]:
    """Begin, end and fields of each --mount from there on, up to the command, which may have words like them."""
    while (word := _WORD.match(joined, position)) is not None:
        start, position = word.start(1), word.end()
        if not word[1].startswith("--") or word[1] == "--":
            return
        flag, equals, value = _plain(word[1]).partition("=")
        if not equals and (behind := _WORD.match(joined, position)) is not None:
            position, value = behind.end(), _plain(behind[1])
        if flag == "--mount" and (fields := _fields(value)):
            yield start, position, fields


def _plain(word: str) -> str:
    """As BuildKit reads it."""
    found = re.finditer(_PIECE, word)
    return "".join(_ESCAPED.sub(r"\1", each[1] or each[2] or each[3] or "") for each in found)


def _fields(value: str) -> Sequence[str]:
    """Empty if it cannot be read: BuildKit says why."""
    try:
        return next(csv.reader([value], strict=True), [])
    except csv.Error:
        return []


def _quoted(fields: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return _MARKED.sub(r"\\\1", line.getvalue())


@dataclass(frozen=True, slots=True)
class _Mount:
    fields: Sequence[str]
    secret: str | None
    """Its id, if it is one."""
    needs_target: bool
    """BuildKit would derive it from the id."""
    is_unclear: bool

    @classmethod
    def read(cls, fields: Sequence[str]) -> "_Mount":
        given = {_key(field): field.partition("=")[2] for field in fields}
        kind = given.get("type", "").lower()
        target = next((given[key] for key in _TARGETS if given.get(key)), "")
        named = next((given[key] for key in _IDS if given.get(key)), "")
        name = named or posixpath.basename(target.rstrip("/"))
        is_secret = kind == "secret"
        is_unclear = "$" in kind or (is_secret and "$" in name)
        needs_target = not target and "env" not in given
        return cls(fields, name if is_secret else None, needs_target, is_unclear)

    def renamed(self, new: str) -> Sequence[str]:
        kept = [field for field in self.fields if _key(field) not in _IDS]
        target = [f"target={FOLDER}/{self.secret}"] if self.needs_target else []
        return [*kept, f"id={new}", *target]


def _key(field: str) -> str:
    return field.partition("=")[0].lower()
