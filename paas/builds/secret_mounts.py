"""A Dockerfile's `RUN --mount=type=secret,id=NAME`, so that the cache of builds knows which value a step has seen.

BuildKit leaves a secret's value out of what it finds a step by, but not the secret's id. So in the copy of the
Dockerfile that BuildKit is given, each id that the app has named bears a keyed digest of app, name and value: a changed
value is another step, and no other app's step is ever found. An id that was not rewritten is given nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from paas.builds.instructions import read_dockerfile

FOLDER = "/run/secrets"
_FLAGS = re.compile(r"\s*RUN(?:(?:\s|[\\`][ \t]*\r?\n)+--[a-z]+(?:=\S+)?)*", re.IGNORECASE)
"""Before the command, which may have words like them."""
_MOUNT = re.compile(r"--mount=(\S+)")
_TARGETS = ("target", "dst", "destination")


@dataclass(frozen=True, slots=True)
class Rewritten:
    text: str
    was: Mapping[str, str]
    """What each changed mount was before: output shows that."""
    asked: frozenset[str]
    """The ids of all secrets that the Dockerfile mounts."""

    def shown(self, line: str) -> str:
        if "--mount=" in line:
            for new, old in self.was.items():
                line = line.replace(new, old)
        return line


def rewrite(text: str, ids: Mapping[str, str]) -> Rewritten:
    """`ids`: the name of a secret -> the id that it is given under. No line moves."""
    lines = text.split("\n")
    was: dict[str, str] = {}
    asked: set[str] = set()

    def renamed(found: re.Match[str]) -> str:
        name, new = _rename(found[1], ids)
        if name is not None:
            asked.add(name)
        if new is None:
            return found[0]
        was[f"--mount={new}"] = found[0]
        return f"--mount={new}"

    for each in read_dockerfile(text).instructions:
        if each.keyword == "RUN":
            place = slice(each.line - 1, each.last_line)
            whole = "\n".join(lines[place])
            flags = _FLAGS.match(whole)
            end = flags.end() if flags else 0
            lines[place] = (_MOUNT.sub(renamed, whole[:end]) + whole[end:]).split("\n")
    return Rewritten("\n".join(lines), was, frozenset(asked))


def _rename(mount: str, ids: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The secret that it mounts, if it is one, and the mount by the new id, if there is one."""
    fields = [part.partition("=") for part in mount.split(",")]
    given = {key.lower(): value for key, _, value in fields}
    if given.get("type") != "secret":
        return None, None
    target = next((given[key] for key in _TARGETS if given.get(key)), "")
    name = given.get("id") or target.rpartition("/")[2]
    if name not in ids:
        return name, None
    kept = [f"{key}{equals}{value}" for key, equals, value in fields if key.lower() != "id"]
    made = [*kept, f"id={ids[name]}"]
    if not target and "env" not in given:
        made.append(f"target={FOLDER}/{name}")
    return name, ",".join(made)
