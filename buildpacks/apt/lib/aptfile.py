"""Aptfile: the Debian packages that an app wants, by name or by the URL of a .deb. Nothing else is read."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pack import fail

NAME = re.compile(
    r"[a-z0-9][a-z0-9.+-]*[a-z0-9.+](:[a-z0-9]+)?(=[A-Za-z0-9.+:~-]+|/[a-z][a-z0-9-]*)?"
)
"""With a version or a suite, as apt-get takes it. One that ends in - would mean to remove it."""
URL = re.compile(r"https://[A-Za-z0-9._~%+@=,:/?&-]+\.deb")


@dataclass(frozen=True, slots=True)
class Aptfile:
    names: dict[str, int]
    """To the number of the line where it stands."""
    urls: tuple[str, ...]

    @classmethod
    def read(cls, app: Path) -> Self:
        """What it gets wrong ends the build, by line."""
        names: dict[str, int] = {}
        urls: list[str] = []
        text = (app / "Aptfile").read_text(encoding="utf-8-sig", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            content = line.partition("#")[0].strip()
            if content.startswith(":repo:"):
                fail(
                    f"Aptfile, line {number}: other archives are not added (:repo:): their packages are signed by\n"
                    "nobody the stack knows. Name the URL of a .deb, or use a Dockerfile."
                )
            for word in content.split():
                if URL.fullmatch(word):
                    urls.append(word)
                elif NAME.fullmatch(word):
                    names.setdefault(word, number)
                else:
                    fail(
                        f"Aptfile, line {number}: '{word}' is neither the name of a Debian package\n"
                        "nor the https URL of a .deb"
                    )
        return cls(names, tuple(dict.fromkeys(urls)))
