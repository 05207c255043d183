"""node_modules: installed, or taken from the cache when nothing that decides it has changed; pruned at the end."""

import re
from pathlib import Path

from manager import Manager
from node import Node
from pack import KeptTree, ProgramFailed, digest_of, fail, remove_tree, run, say, title
from package_file import PackageFile

SETTINGS_FILES = (".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs")

KEEP_DEVELOPMENT = {
    "NPM_CONFIG_PRODUCTION": "false",
    "YARN_PRODUCTION": "false",
    "PNPM_SKIP_PRUNING": "true",
}
"""What Heroku's users set to have their development dependencies at run time."""


def install_dependencies(
    node: Node,
    manager: Manager,
    package: PackageFile,
    app: Path,
    cache: Path,
    environment: dict[str, str],
) -> None:
    """Keeps for the next build what that one needs: with development dependencies if it has a build script."""
    modules = app / "node_modules"
    if modules.exists():
        say("node_modules is part of the source and is not used. Add it to .gitignore")
        remove_tree(modules)
    kept = KeptTree(cache, "node_modules")
    key = digest_of([node.version, package.text, *_deciding(manager, app, environment)])
    is_wanted = environment.get("NODE_MODULES_CACHE") != "false"
    may_keep = is_wanted and not package.installs_from_sources(app)
    source = manager.lock or "package.json"
    if may_keep and kept.restore(key, modules):
        title(f"Packages of {source} are unchanged")
        return
    title(f"Installing the packages of {source} with {manager.name}")
    if manager.lock is None:
        say("There is no lock file: commit one, and every build gets the same versions")
    try:
        run(manager.install_command(), app, environment | manager.environment())
    except ProgramFailed as error:
        fail(f"{error}: the packages are not installed. The reason stands above.")
    if not package.build_script:
        prune(manager, package, app, environment)
    if may_keep and modules.is_dir():
        kept.keep(key, modules)


def prune(manager: Manager, package: PackageFile, app: Path, environment: dict[str, str]) -> None:
    if not package.development and not package.has_workspaces:
        return
    if any(environment.get(name) == value for name, value in KEEP_DEVELOPMENT.items()):
        title("Development dependencies are kept, as the config asks")
        return
    title("Removing development dependencies")
    try:
        run(manager.prune_command(), app, environment | manager.environment())
    except ProgramFailed as error:
        fail(f"{error}: the development dependencies are not removed. The reason stands above.")


def _deciding(manager: Manager, app: Path, environment: dict[str, str]) -> list[bytes | str]:
    """What else decides which packages get installed."""
    pattern = re.compile(r"(npm|yarn|pnpm)_|NODE_ENV$", re.IGNORECASE)
    settings = sorted(pair for pair in environment.items() if pattern.match(pair[0]))
    files = [file for file in (manager.lock, *SETTINGS_FILES) if file and (app / file).is_file()]
    contents = [(app / file).read_bytes() for file in files]
    return [f"{manager}", f"{settings}", *files, *contents]
