"""package.json, read once: what the app says about itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pack import fail, has_web_process

INSTALL_SCRIPTS = ("preinstall", "install", "postinstall", "prepare")


class Unreadable(Exception):
    """It is there, and no one can tell what it says."""


@dataclass(frozen=True, slots=True)
class PackageFile:
    """Every section is a mapping of text to text; what is not is left out."""

    text: str
    scripts: Mapping[str, str]
    engines: Mapping[str, str]
    dependencies: Mapping[str, str]
    development: Mapping[str, str]
    manager: str
    """The packageManager field, `pnpm@9.1.0+sha512.…`; empty if there is none."""
    has_workspaces: bool

    @classmethod
    def read(cls, app: Path) -> Self | None:
        """None if there is none."""
        if not (app / "package.json").is_file():
            return None
        try:
            text = (app / "package.json").read_text(encoding="utf-8-sig")
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"package.json cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise Unreadable("package.json must hold an object: { … }")
        return cls(
            text=text,
            scripts=_texts(content, "scripts"),
            engines=_texts(content, "engines"),
            dependencies=_texts(content, "dependencies") | _texts(content, "optionalDependencies"),
            development=_texts(content, "devDependencies"),
            manager=str(content.get("packageManager", "")),
            has_workspaces="workspaces" in content,
        )

    @classmethod
    def of(cls, app: Path) -> Self | None:
        """None if there is none. One that cannot be read ends the build."""
        try:
            return cls.read(app)
        except Unreadable as error:
            fail(f"{error}")

    @property
    def build_script(self) -> str | None:
        """Heroku's own wins."""
        return next(
            (name for name in ("heroku-postbuild", "build") if self.scripts.get(name)), None
        )

    def is_site(self, app: Path) -> bool:
        """Files to be served, built or not, by the static buildpack: nothing says how to start it."""
        if has_web_process(app):
            return False
        if (app / "static.json").is_file():
            return True
        has_start = "start" in self.scripts or (app / "server.js").is_file()
        has_files = self.build_script is not None or (app / "index.html").is_file()
        return has_files and not has_start

    def installs_from_sources(self, app: Path) -> bool:
        """The same files may install something else: the app's own code takes part."""
        wanted = [*self.dependencies.values(), *self.development.values()]
        return (
            self.has_workspaces
            or any(name in self.scripts for name in INSTALL_SCRIPTS)
            or any(":" in version for version in wanted if not version.startswith("npm:"))
            or any((app / name).exists() for name in ("patches", ".yarn/patches"))
        )


def _texts(content: Mapping[str, Any], section: str) -> dict[str, str]:
    given = content.get(section)
    if not isinstance(given, dict):
        return {}
    return {str(name): value for name, value in given.items() if isinstance(value, str)}
