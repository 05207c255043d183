"""Which Go builds an app: the stack's, unless go.mod wants a newer one, which Go itself then fetches as a module."""

import re
from collections.abc import Mapping
from pathlib import Path

from pack import ProgramFailed, ask, fail, remove_tree, title

LISTED_MINORS = 4


def choose_go(app: Path, cache: Path, environment: Mapping[str, str]) -> None:
    """The toolchain is in the cache afterwards, and no other. One that is not to be had ends the build."""
    file, wanted = wanted_go(app)
    own = _version(app, {**environment, "GOTOOLCHAIN": "local"})
    is_kept = any(cache.glob(f"mod/golang.org/toolchain@*-go{wanted}.*"))
    if _numbers(wanted) > _numbers(own) and not is_kept:
        title(f"Fetching Go {wanted} ({file})")
    try:
        version = _version(app, environment)
    except ProgramFailed as error:
        fail(_why(wanted, file, error, environment))
    title(f"Using Go {version} ({file}: {wanted or 'any'})")
    for kept in (*cache.glob("mod/golang.org/toolchain@*"), *_downloads(cache)):
        if f"go{version}." not in kept.name:
            ask(
                ["chmod", "-R", "u+w", f"{kept}"], app, environment
            )  # Go keeps toolchains read-only
            remove_tree(kept)


def wanted_go(app: Path) -> tuple[str, str]:
    """The file that decides, and the newer of its go and toolchain lines; empty: any."""
    name = "go.work" if (app / "go.work").is_file() else "go.mod"
    text = (app / name).read_text(encoding="utf-8-sig", errors="replace")
    found = re.findall(r"^(?:go\s+|toolchain\s+go)(\d[\w.-]*)", text, re.MULTILINE)
    return name, max(found, key=_numbers, default="")


def _version(app: Path, environment: Mapping[str, str]) -> str:
    """Raises ProgramFailed."""
    told = ask(["go", "env", "GOVERSION"], app, environment)
    return told.strip().removeprefix("go")


def _why(wanted: str, file: str, error: ProgramFailed, environment: Mapping[str, str]) -> str:
    try:
        listed = ask(
            ["go", "list", "-m", "-versions", "go"],
            Path("/"),
            {**environment, "GOTOOLCHAIN": "local"},
        )
    except ProgramFailed:
        listed = ""
    versions = [word for word in listed.split() if re.fullmatch(r"\d+\.\d+(\.\d+)?", word)]
    if not versions or wanted in versions:
        return f"Go {wanted} ({file}) cannot be fetched:\n{error.output.strip()}"
    newest = {tuple(_numbers(text)[:2]): text for text in sorted(versions, key=_numbers)}
    shown = ", ".join(newest[minor] for minor in sorted(newest, reverse=True)[:LISTED_MINORS])
    return f"{file} asks for Go {wanted}, which is not to be had. There are: {shown}"


def _downloads(cache: Path) -> list[Path]:
    return [
        path
        for path in cache.glob("mod/cache/download/golang.org/toolchain/@v/*")
        if path.suffix in (".zip", ".ziphash", ".mod", ".info", ".lock")
    ]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
