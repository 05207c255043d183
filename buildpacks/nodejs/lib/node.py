"""Which Node an app gets: the stack's own if it will do, else one from the npm registry."""

import json
import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pack import ProgramFailed, ask, copy_tree, fail, remove_tree, title
from package_file import PackageFile

STACK = Path("/opt/node")
APP_NODE = ".heroku/node"
"""Holds bin/ of what the run image does not have: another Node or npm, yarn, pnpm."""

PACKAGE = f"node-linux-{ {'x86_64': 'x64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }"
CHOSEN_FOR_SECONDS = 24 * 3600
"""So long a range stands for the version it was found to mean, so that most builds need not ask the registry."""

CODENAMES = {"iron": "20.x", "jod": "22.x", "krypton": "24.x"}
LISTED_MAJORS = 6

SATISFIES = """
const semver = require('/opt/node/lib/node_modules/npm/node_modules/semver');
const [range, versions] = [process.argv[1], JSON.parse(process.argv[2])];
const valid = semver.validRange(range, { loose: true }) !== null;
const best = valid ? semver.maxSatisfying(versions, range, { loose: true }) : null;
process.stdout.write(JSON.stringify({ valid, best }));
"""


@dataclass(frozen=True, slots=True)
class Asked:
    range: str
    file: str


@dataclass(frozen=True, slots=True)
class Node:
    version: str
    prefix: Path
    """With bin/node, and include/ for what is compiled against it."""


def asked_node(app: Path, package: PackageFile) -> Asked | None:
    """engines.node, else .nvmrc, else .node-version; None: any."""
    if wanted := package.engines.get("node", "").strip():
        return Asked(wanted, "package.json, engines.node")
    for name in (".nvmrc", ".node-version"):
        if (app / name).is_file() and (text := (app / name).read_text(errors="replace").strip()):
            return _of_nvm(text.splitlines()[0].strip(), name)
    return None


def best_of(wanted: str, versions: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The newest of `versions` that the range allows, as npm understands ranges."""
    command = [f"{STACK / 'bin/node'}", "-e", SATISFIES, wanted, json.dumps(versions)]
    answer = json.loads(ask(command, STACK, environment))
    if not answer["valid"]:
        fail(f"'{wanted}' is no range of versions, such as 22.x or >=20")
    best = answer["best"]
    return None if best is None else str(best)


def stack_node(environment: Mapping[str, str]) -> Node:
    version = ask([f"{STACK / 'bin/node'}", "--version"], STACK, environment).strip()
    return Node(version.removeprefix("v"), STACK)


def choose_node(asked: Asked | None, cache: Path, environment: Mapping[str, str]) -> Node:
    """Fetched into `cache` if it is not the stack's. An impossible one ends the build."""
    own = stack_node(environment)
    if asked is None or best_of(asked.range, [own.version], environment):
        title(f"Using Node {own.version}" + (f" ({asked.range}, {asked.file})" if asked else ""))
        return own
    version = _chosen_before(asked, cache) or _choose(asked, cache, environment)
    node = Node(version, cache / f"node-{version}")
    if not node.prefix.exists():
        title(f"Fetching Node {version} ({asked.range}, {asked.file})")
        _fetch(node, cache, environment)
    title(f"Using Node {version} ({asked.range}, {asked.file})")
    return node


def install_node(node: Node, app: Path) -> None:
    """Into the app, unless the run image has it already."""
    target = app / APP_NODE / "bin"
    target.mkdir(parents=True, exist_ok=True)
    if node.prefix != STACK:
        copy_tree(node.prefix / "bin/node", target / "node")


def _of_nvm(text: str, file: str) -> Asked | None:
    if text in ("node", "stable", "latest", "lts/*"):
        return None
    name = text.removeprefix("lts/")
    return Asked(CODENAMES.get(name.lower(), name), file)


def _chosen_before(asked: Asked, cache: Path) -> str | None:
    try:
        note = json.loads((cache / "chosen.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    is_young = time.time() - note["at"] < CHOSEN_FOR_SECONDS
    return str(note["version"]) if note["range"] == asked.range and is_young else None


def _choose(asked: Asked, cache: Path, environment: Mapping[str, str]) -> str:
    command = [f"{STACK / 'bin/npm'}", "view", PACKAGE, "versions", "--json"]
    try:
        versions = [
            text for text in json.loads(ask(command, STACK, environment)) if "-" not in text
        ]
    except ProgramFailed as error:
        fail(f"The npm registry does not say which versions of Node there are:\n{error.output}")
    version = best_of(asked.range, versions, environment)
    if version is None:
        newest = {int(text.split(".")[0]): text for text in sorted(versions, key=_numbers)}
        listed = ", ".join(newest[major] for major in sorted(newest, reverse=True)[:LISTED_MAJORS])
        fail(
            f"{asked.file} asks for Node {asked.range}, which is not to be had. There are: {listed}"
        )
    note = {"range": asked.range, "version": version, "at": time.time()}
    (cache / "chosen.json").write_text(json.dumps(note))
    return version


def _fetch(node: Node, cache: Path, environment: Mapping[str, str]) -> None:
    for old in cache.glob("node-*"):
        remove_tree(old)
    unpacked = cache / "unpacked"
    remove_tree(unpacked)
    install_tool(f"{PACKAGE}@{node.version}", unpacked, environment)
    (unpacked / "node_modules" / PACKAGE).rename(node.prefix)
    remove_tree(unpacked)


def install_tool(package: str, folder: Path, environment: Mapping[str, str]) -> None:
    """One package of the registry by itself, with the stack's npm."""
    folder.mkdir(parents=True)
    options = ["--prefix", f"{folder}", "--no-save", "--no-package-lock", "--ignore-scripts"]
    try:
        ask([f"{STACK / 'bin/npm'}", "install", *options, package], folder, environment)
    except ProgramFailed as error:
        remove_tree(folder)
        fail(f"{package} cannot be fetched from the npm registry:\n{error.output}")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
