"""npm, yarn or pnpm: which one an app wants, where it comes from, and how it installs and prunes."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from node import APP_NODE, STACK, Node, best_of, install_tool
from pack import copy_tree, fail, say
from package_file import PackageFile


class Name(StrEnum):
    NPM = "npm"
    YARN = "yarn"
    BERRY = "yarn-berry"
    """yarn 2 and newer: another program of the same name."""
    PNPM = "pnpm"


LOCKS = {
    "package-lock.json": Name.NPM,
    "npm-shrinkwrap.json": Name.NPM,
    "yarn.lock": Name.YARN,
    "pnpm-lock.yaml": Name.PNPM,
}

PNPM_OF_LOCK = {"5": "7", "6": "8", "9": "10"}
"""The pnpm that writes a lock file of that version."""

STACK_NPM = STACK / "lib/node_modules/npm"

NPM_OF_NODE = ((20, "10"), (18, "10"), (14, "9"), (0, "6"))
"""The newest npm that runs on a Node too old for the stack's."""


@dataclass(frozen=True, slots=True)
class Manager:
    name: Name
    version: str
    """A version or a range; empty: the stack's own npm."""
    lock: str | None
    """The lock file's name."""
    store: Path
    """Where pnpm keeps packages between builds. By itself it would choose the app's own folder."""

    @property
    def package(self) -> str:
        """What it is called in the registry."""
        name = "@yarnpkg/cli-dist" if self.name is Name.BERRY else self.name.value
        return f"{name}@{self.version}"

    def environment(self) -> dict[str, str]:
        """For both commands, and for no script of the app: npm complains about what it does not know."""
        pnpm = {"npm_config_store_dir": f"{self.store}"} if self.name is Name.PNPM else {}
        return {"CI": "true", **pnpm}

    def install_command(self) -> list[str]:
        match self.name:
            case Name.NPM:
                return ["npm", "ci" if self.lock else "install", "--include=dev"]
            case Name.YARN:
                frozen = ["--frozen-lockfile"] if self.lock else []
                return ["yarn", "install", *frozen, "--production=false", "--non-interactive"]
            case Name.BERRY:
                return ["yarn", "install", "--immutable" if self.lock else "--no-immutable"]
            case Name.PNPM:
                frozen = ["--frozen-lockfile"] if self.lock else ["--no-frozen-lockfile"]
                return ["pnpm", "install", *frozen, "--prod=false"]

    def prune_command(self) -> list[str]:
        match self.name:
            case Name.NPM:
                return ["npm", "prune", "--omit=dev"]
            case Name.YARN:
                quick = ["--prefer-offline", "--ignore-scripts", "--non-interactive"]
                return ["yarn", "install", "--production=true", *quick]
            case Name.BERRY:
                return ["yarn", "workspaces", "focus", "--all", "--production"]
            case Name.PNPM:
                return ["pnpm", "prune", "--prod", "--ignore-scripts"]


def decide_manager(app: Path, package: PackageFile, cache: Path) -> Manager:
    """By the packageManager field, else by the lock file, else npm. Two lock files that disagree end the build."""
    locks = {file: name for file, name in LOCKS.items() if (app / file).is_file()}
    field = re.fullmatch(r"(npm|yarn|pnpm)@(\d[\w.-]*)(\+.*)?", package.manager)
    if package.manager and not field:
        fail(f"package.json names '{package.manager}' as packageManager. Ours: npm, yarn, pnpm")
    candidates = {Name(field[1])} if field else set(locks.values())
    if len(candidates) > 1:
        fail(f"There are two lock files, {' and '.join(locks)}. Remove the one that is not used.")
    name = next(iter(candidates), Name.NPM)
    lock = next((file for file, its in locks.items() if its is name), None)
    asked = field[2] if field else package.engines.get(name.value, "")
    store = cache / "pnpm"
    match name:
        case Name.YARN if re.match(r"\D*[2-9]", asked) or (lock and _is_berry(app / lock)):
            return Manager(Name.BERRY, asked or "4", lock, store)
        case Name.YARN:
            return Manager(name, asked if field else "1", lock, store)
        case Name.PNPM:
            return Manager(name, asked or _pnpm_of(app / lock if lock else None), lock, store)
    return Manager(name, asked, lock, store)


def install_manager(
    manager: Manager, node: Node, app: Path, cache: Path, environment: Mapping[str, str]
) -> None:
    """Into the app's own bin folder, for its start script may call it. npm is always there."""
    stack_npm = json.loads((STACK_NPM / "package.json").read_text())
    npm = manager.version if manager.name is Name.NPM else ""
    if not npm and not best_of(stack_npm["engines"]["node"], [node.version], environment):
        major = int(node.version.split(".")[0])
        npm = next(version for oldest, version in NPM_OF_NODE if major >= oldest)
    if npm and not best_of(npm, [stack_npm["version"]], environment):
        _install("npm", f"npm@{npm}", app, cache, environment)
    else:
        for program in ("npm", "npx"):
            link = app / APP_NODE / "bin" / program
            link.symlink_to(STACK_NPM / "bin" / f"{program}-cli.js")
    if manager.name is not Name.NPM:
        _install(manager.name, manager.package, app, cache, environment)


def _install(
    name: str, package: str, app: Path, cache: Path, environment: Mapping[str, str]
) -> None:
    kept = cache / re.sub(r"[^\w.-]+", "-", f"tool-{package}")
    if not kept.exists():
        say(f"Fetching {package}")
        install_tool(package, kept, environment)
    copy_tree(kept, app / APP_NODE / "tools" / name)
    for program in (kept / "node_modules/.bin").iterdir():
        link = app / APP_NODE / "bin" / program.name
        link.symlink_to(Path("../tools") / name / "node_modules/.bin" / program.name)


def _is_berry(lock: Path) -> bool:
    return "__metadata:" in lock.read_text(errors="replace")


def _pnpm_of(lock: Path | None) -> str:
    text = lock.read_text(errors="replace") if lock else ""
    found = re.search(r"^lockfileVersion:\s*'?(\d+)", text, re.MULTILINE)
    return PNPM_OF_LOCK.get(found[1] if found else "", "10")
