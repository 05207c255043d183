"""A buildpack, as an app names it: one of ours, a folder of the app, a git repository or a tarball."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import unquote

from paas.errors import Invalid

LIMIT = 20
"""Buildpacks of one app."""
LENGTH_LIMIT = 1000
_ALIAS = re.compile(r"(?:urn:buildpack:)?heroku(-community)?/")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
_FOLDER = re.compile(r"\./[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
_URL = re.compile(
    r"https://"
    r"(?:(?P<user>[A-Za-z0-9._~%+-]{1,200})(?::(?P<password>[A-Za-z0-9._~%+!$*=-]{0,400}))?@)?"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)"
    r"(?P<port>:[0-9]{1,5})?"
    r"(?P<path>/[A-Za-z0-9._~%+@=,:/-]*)"
    r"(?P<query>\?[A-Za-z0-9._~%+@=,:;&/-]*)?"
    r"(?:#(?P<ref>.*))?"
)
_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,199}")
_TARBALLS = (".tgz", ".tar.gz")


class InvalidBuildpack(Invalid):
    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Nothing was changed. See: paas buildpacks:add --help")


class Origin(StrEnum):
    OURS = "ours"
    FOLDER = "folder"
    GIT = "git"
    TARBALL = "tarball"


@dataclass(frozen=True, slots=True)
class Buildpack:
    """Where it comes from. Two of the same `place` and `ref` are the same."""

    origin: Origin
    place: str
    """Its name, `./folder`, or the URL without user, password and ref."""
    ref: str = ""
    """Of a git repository: a branch, a tag or a whole commit; empty: its HEAD."""
    user: str = ""
    password: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidBuildpack. Whether there is such a buildpack is another question."""
        if len(text) > LENGTH_LIMIT:
            raise InvalidBuildpack(f"A buildpack's URL has at most {LENGTH_LIMIT} characters.")
        if text.startswith("./"):
            return cls(Origin.FOLDER, _folder(text))
        if text.startswith("https://"):
            return cls._of_url(text)
        if text.startswith(("ssh:", "git@")):
            raise InvalidBuildpack(
                f"{_safe(text)!r} is reached by ssh, for which builds have no key. Give https a token instead: "
                "https://TOKEN@HOST/PATH in the config var BUILDPACK_URL."
            )
        name = _ALIAS.sub("", text)
        if _NAME.fullmatch(name):
            return cls(Origin.OURS, name)
        raise InvalidBuildpack(
            f"{_safe(text)!r} is no buildpack: a name of ours, https://HOST/PATH[#REF] of a git repository or of a "
            ".tgz, or a folder of the app such as ./buildpack."
        )

    @classmethod
    def _of_url(cls, text: str) -> Self:
        found = _URL.fullmatch(text)
        if found is None or ".." in found["host"] or ".." in found["path"].split("/"):
            raise InvalidBuildpack(f"{_safe(text)!r} is no URL of a buildpack.")
        if found["port"] and not 0 < int(found["port"][1:]) < 65536:
            raise InvalidBuildpack(f"{_safe(text)!r} has no port that could be.")
        bare = found["path"].rstrip("/")
        origin = Origin.TARBALL if bare.endswith(_TARBALLS) else Origin.GIT
        if origin is Origin.GIT and found["query"]:
            raise InvalidBuildpack(f"{_safe(text)!r} is a git repository and has no query.")
        ref = found["ref"] or ""
        if ref and origin is Origin.TARBALL:
            raise InvalidBuildpack(f"{_safe(text)!r} is a tarball, which has no ref.")
        if ref and not is_ref(ref):
            raise InvalidBuildpack(f"{ref[:60]!r} is no branch, tag or commit.")
        place = f"https://{found['host'].lower()}{found['port'] or ''}{bare}{found['query'] or ''}"
        user, password = unquote(found["user"] or ""), unquote(found["password"] or "")
        if not f"{user}{password}".isprintable():
            raise InvalidBuildpack(f"{_safe(text)!r} has a user that cannot be.")
        return cls(origin, place, ref, user, password)

    @property
    def is_fetched(self) -> bool:
        return self.origin in (Origin.GIT, Origin.TARBALL)

    def __str__(self) -> str:
        """As it is named; never with user and password."""
        return f"{self.place}#{self.ref}" if self.ref else self.place

    def __repr__(self) -> str:
        return f"Buildpack({self})"


def is_ref(text: str) -> bool:
    """A part of what git takes for one; nothing of it means anything to a command line."""
    return bool(_REF.fullmatch(text)) and not (
        ".." in text
        or "//" in text
        or "/." in text
        or text.endswith(("/", ".", ".lock"))
        or ".lock/" in text
    )


def _folder(text: str) -> str:
    if not _FOLDER.fullmatch(text) or ".." in text.split("/"):
        raise InvalidBuildpack(f"{_safe(text)!r} is no folder of the app.")
    return text.rstrip("/")


def _safe(text: str) -> str:
    """For a message: no more than a line's part of it, and nothing between `//` and `@`."""
    return re.sub(r"//[^/@]*@", "//", text)[:80]
