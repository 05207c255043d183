"""What is to be served, and how: static.json and the folder that holds the files. Every word of it is checked."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pack import fail

OUTPUTS = ("dist", "build", "public", "out", "_site")
"""Where build tools leave a site; the first that has an index.html."""

KEYS = ("root", "clean_urls", "routes", "redirects", "error_page", "headers", "https_only")

WORD = re.compile(r"[^\s\"'\\${};\x00-\x1f\x7f]+")
"""What may stand in the web server's configuration between quotation marks without meaning anything there."""


@dataclass(frozen=True, slots=True)
class Redirect:
    url: str
    status: int


@dataclass(frozen=True, slots=True)
class Site:
    root: str
    """Relative to the app; '.' is the app itself."""
    clean_urls: bool = True
    routes: Mapping[str, str] = field(default_factory=dict)
    """A pattern of paths, to the file that answers where there is none of that name."""
    redirects: Mapping[str, Redirect] = field(default_factory=dict)
    error_page: str | None = None
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """A pattern of paths, to headers and values."""
    https_only: bool = False
    is_single_page: bool = False
    """A build left one page: it answers for every path that names no file."""

    @classmethod
    def of(cls, app: Path, is_built: bool) -> Self:
        """After the build, if there was one. What static.json gets wrong ends the build, by name."""
        given = read_static_json(app)
        if unknown := sorted(set(given) - set(KEYS)):
            fail(f"static.json: there is no {', '.join(unknown)}. There are: {', '.join(KEYS)}")
        page = given.get("error_page")
        root = _root(app, given["root"]) if "root" in given else find_root(app, is_built)
        return cls(
            root=root,
            is_single_page=is_built and "routes" not in given and _has_one_page(app / root),
            clean_urls=_flag(given, "clean_urls", True),
            https_only=_flag(given, "https_only", False),
            error_page=None if page is None else _file(page, "error_page"),
            routes={
                _word(pattern, "routes"): _file(file, f"routes, {pattern}")
                for pattern, file in _section(given, "routes").items()
            },
            redirects={
                _word(pattern, "redirects"): _redirect(pattern, to)
                for pattern, to in _section(given, "redirects").items()
            },
            headers={
                _word(pattern, "headers"): _headers(pattern, values)
                for pattern, values in _section(given, "headers").items()
            },
        )


def read_static_json(app: Path) -> dict[str, Any]:
    """Empty if there is none."""
    try:
        content = json.loads((app / "static.json").read_text())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        fail(f"static.json cannot be read: {error}")
    if not isinstance(content, dict):
        fail("static.json must hold an object: { … }")
    return content


def find_root(app: Path, is_built: bool) -> str:
    """Of a site that does not name it. After a build the app's own index.html is a source, and not served."""
    folders = OUTPUTS if is_built else (".", *OUTPUTS)
    nested = [f"{folder}/{below}" for folder in folders for below in ("*", "*/browser")]
    patterns = [*folders, *(nested if is_built else [])]
    pages = [page for pattern in patterns for page in sorted(app.glob(f"{pattern}/index.html"))]
    if not pages:
        fail(
            f"There is no index.html in {', '.join(folders)}.\n"
            'Name the folder in static.json: {"root": "FOLDER"}'
        )
    return f"{pages[0].parent.relative_to(app)}"


def _has_one_page(folder: Path) -> bool:
    return [page.name for page in folder.rglob("*.html")] == ["index.html"]


def _root(app: Path, given: object) -> str:
    root = _word(given, "root").strip("/") or "."
    folder = (app / root).resolve()
    if not folder.is_relative_to(app) or not folder.is_dir():
        fail(f"static.json: the root '{root}' is no folder of the app")
    return root


def _section(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = given.get(name, {})
    if not isinstance(section, dict):
        fail(f"static.json: {name} must be an object")
    return section


def _flag(given: Mapping[str, Any], name: str, default: bool) -> bool:
    flag = given.get(name, default)
    if not isinstance(flag, bool):
        fail(f"static.json: {name} must be true or false")
    return flag


def _word(value: object, where: str) -> str:
    if not isinstance(value, str) or not WORD.fullmatch(value):
        fail(f"static.json: {where}: {value!r} is no path")
    return value


def _file(value: object, where: str) -> str:
    return "/" + _word(value, where).lstrip("/")


def _redirect(pattern: str, to: object) -> Redirect:
    match to:
        case str(url):
            status: object = 301
        case {"url": str(url), **rest}:
            status = rest.get("status", 301)
        case _:
            fail(
                f"static.json: redirects, {pattern}: must be a URL, or an object with url and status"
            )
    if not WORD.fullmatch(url) or status not in (301, 302, 303, 307, 308):
        fail(f"static.json: redirects, {pattern}: {url!r} ({status}) is no redirect")
    return Redirect(url, int(str(status)))


def _headers(pattern: str, values: object) -> dict[str, str]:
    if not isinstance(values, dict):
        fail(f"static.json: headers, {pattern}: must be an object")
    for name, value in values.items():
        is_name = re.fullmatch(r"[A-Za-z0-9-]+", name)
        is_value = isinstance(value, str) and re.fullmatch(r"[^\"\\$\x00-\x1f\x7f]*", value)
        if not is_name or not is_value:
            fail(f"static.json: headers, {pattern}: {name} cannot have the value {value!r}")
    return values
