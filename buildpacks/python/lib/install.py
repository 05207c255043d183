"""Packages into /app/.heroku/python with uv, or from the cache when nothing that decides them has changed."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from locks import EXPORTED, LOCKS_OF_OTHERS, export, is_for_another, is_of_the_tree
from manifest import Kind, pyproject
from pack import KeptTree, ProgramFailed, digest_of, fail, run, title

PYTHON = "/usr/bin/python3"
VENV = ".heroku/python"

INDEX_VARS = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
}
"""What people have set for pip, in uv's words."""


def install(
    kind: Kind, app: Path, cache: Path, environment: Mapping[str, str], version: str
) -> None:
    """`version` of all that installs: another one does not take what an earlier build kept."""
    kept, key = KeptTree(cache, "venv"), _key(kind, app, environment, version)
    venv, has_sources = app / VENV, _depends_on_sources(kind, app)
    if not has_sources and kept.restore(key, venv):
        title(f"Packages of {kind.value} are unchanged")
        return
    if kind is Kind.REQUIREMENTS and not _requirement_lines(app):
        title("No packages to install: requirements.txt lists none")
        install_command = None
    else:
        title(f"Installing the packages of {kind.value} with uv")
        # A wheel that an earlier build made of the app's own tree is not to be had again.
        refresh = ["--refresh"] if has_sources else []
        install_command = [*_INSTALL[kind], *refresh]
    if kind in LOCKS_OF_OTHERS:
        export(kind, app, environment)
    try:
        run(["uv", "venv", "--quiet", "--no-project", f"{venv}"], app, environment)
        if install_command:
            run(install_command, app, environment)
    except ProgramFailed as error:
        fail(f"{error}: the packages of {kind.value} are not installed. The reason stands above.")
    if kind in LOCKS_OF_OTHERS and is_for_another(venv):
        fail(
            f"{kind.value} was made for another Python: none of its packages is for {version.split()[0]}"
        )
    if not has_sources:
        kept.keep(key, venv)


def environment_for_uv(config: Mapping[str, str], app: Path, cache: Path) -> dict[str, str]:
    translated = {
        theirs: config[pips]
        for pips, theirs in INDEX_VARS.items()
        if pips in config and theirs not in config
    }
    return {
        **translated,
        "UV_CACHE_DIR": f"{cache / 'uv'}",
        "UV_COMPILE_BYTECODE": "1",
        "UV_LINK_MODE": "copy",  # cache and app are two mounts, which no hard link crosses
        "UV_NO_PROGRESS": "1",
        "UV_PROJECT_ENVIRONMENT": f"{app / VENV}",
        "UV_PYTHON": PYTHON,
        "UV_PYTHON_DOWNLOADS": "never",
    }


_PIP_INSTALL = ["uv", "pip", "install", "--python", VENV, "-r"]
_INSTALL = {
    Kind.REQUIREMENTS: [*_PIP_INSTALL, "requirements.txt"],
    Kind.UV: ["uv", "sync", "--locked", "--no-default-groups"],
    Kind.PYPROJECT: ["uv", "sync", "--no-default-groups"],
    **{kind: [*_PIP_INSTALL, f"{EXPORTED}"] for kind in LOCKS_OF_OTHERS},
}


_PROJECT_FILES = {
    Kind.POETRY: ("poetry.lock", "pyproject.toml"),
    Kind.PIPENV: ("Pipfile.lock", "Pipfile"),
}


def _key(kind: Kind, app: Path, environment: Mapping[str, str], version: str) -> str:
    """The digest of all that decides what gets installed."""
    names = sorted({*INDEX_VARS, *INDEX_VARS.values()})
    indexes = [f"{name}={environment.get(name, '')}" for name in names]
    files = [f"{file.relative_to(app)}" for file in _deciding_files(kind, app)]
    contents = [(app / file).read_bytes() for file in files]
    return digest_of([version, kind, *indexes, *files, *contents])


def _deciding_files(kind: Kind, app: Path) -> Iterator[Path]:
    if kind is Kind.REQUIREMENTS:
        yield from _requirement_files(app / kind.value, app, set())
        return
    names = _PROJECT_FILES.get(kind, ("uv.lock", "pyproject.toml", "uv.toml"))
    yield from (path for path in (app / name for name in names) if path.is_file())


def _requirement_files(file: Path, app: Path, seen: set[Path]) -> Iterator[Path]:
    """The file and all that it includes by -r and -c, each once and only from inside the app."""
    if file in seen or not file.is_file() or not file.resolve().is_relative_to(app):
        return
    seen.add(file)
    yield file
    for line in file.read_text(errors="replace").splitlines():
        if included := re.match(r"\s*(?:-r|-c|--requirement|--constraint)[=\s]*([^\s#]+)", line):
            yield from _requirement_files(file.parent / included[1], app, seen)


def _requirement_lines(app: Path) -> list[str]:
    """What is asked for, without comments and the options of the file itself."""
    options = re.compile(r"$|#|-r|-c|--(?!editable)")
    return [
        line.strip()
        for file in _requirement_files(app / Kind.REQUIREMENTS, app, set())
        for line in file.read_text(errors="replace").splitlines()
        if not options.match(line.strip())
    ]


def _depends_on_sources(kind: Kind, app: Path) -> bool:
    """The same files may install something else: from the app's own tree, or from a branch somewhere."""
    if kind is Kind.REQUIREMENTS:
        plain = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^]]*\])?\s*([;#<>=!~\\]|$)")
        return not all(plain.match(line) for line in _requirement_lines(app))
    if kind in LOCKS_OF_OTHERS:
        return is_of_the_tree(app / kind.value)
    project = pyproject(app)
    settings = project.get("tool", {}).get("uv", {})
    return (
        "build-system" in project
        or "workspace" in settings
        or "path" in str(settings.get("sources", ""))
    )
