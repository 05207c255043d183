"""The story of a Node.js build."""

from collections.abc import Mapping
from pathlib import Path

from dependencies import install_dependencies, prune
from manager import decide_manager, install_manager
from node import APP_NODE, STACK, asked_node, choose_node, install_node
from pack import (
    MEMORY_PROFILE,
    ProgramFailed,
    build_environment,
    config_vars,
    fail,
    remove_tree,
    run,
    title,
    write_profile,
)
from package_file import PackageFile

PROFILE = Path(__file__).resolve().parent.parent / "profile.sh"


def compile_node(app: Path, cache: Path, env_dir: Path) -> None:
    """The app's node_modules, what its build script makes, and what finds Node at every start.

    `app` must be /app.
    """
    package = PackageFile.of(app)
    if package is None:
        fail("This is no Node.js app: there is no package.json")
    title("Node.js app detected (package.json)")
    build(package, app, cache, env_dir)
    write_profile(app, "nodejs.sh", PROFILE.read_text() + MEMORY_PROFILE.read_text())
    if starts_by_npm(package, app):
        title("There is no Procfile. The web process is: npm start")


def starts_by_npm(package: PackageFile, app: Path) -> bool:
    """Without a Procfile, which says it all. Without a start script npm starts server.js."""
    has_start = "start" in package.scripts or (app / "server.js").is_file()
    return has_start and not (app / "Procfile").is_file()


def build(package: PackageFile, app: Path, cache: Path, env_dir: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    remove_tree(app / APP_NODE)
    environment = environment_for_node(config_vars(env_dir), app, cache)

    node = choose_node(asked_node(app, package), cache, environment)
    install_node(node, app)
    environment["npm_package_config_node_gyp_nodedir"] = f"{node.prefix}"
    manager = decide_manager(app, package, cache)
    install_manager(manager, node, app, cache, environment)

    run_script("heroku-prebuild", package, app, environment)
    install_dependencies(node, manager, package, app, cache, environment)
    if package.build_script:
        run_script(package.build_script, package, app, environment)
        prune(manager, package, app, environment)
    run_script("heroku-cleanup", package, app, environment)


def environment_for_node(config: Mapping[str, str], app: Path, cache: Path) -> dict[str, str]:
    own = {
        "NODE_ENV": config.get("NODE_ENV", "production"),
        "npm_config_audit": "false",
        "npm_config_cache": f"{cache / 'npm'}",
        "npm_config_fund": "false",
        "npm_config_script_shell": "/bin/bash",
        "npm_config_update_notifier": "false",
        "YARN_CACHE_FOLDER": f"{cache / 'yarn'}",
        "YARN_ENABLE_TELEMETRY": "0",
        "YARN_NODE_LINKER": "node-modules",  # so that every tool, and `npm start`, finds them
    }
    environment = build_environment(config, own)
    folders = [app / APP_NODE / "bin", STACK / "bin", app / "node_modules/.bin"]
    environment["PATH"] = ":".join([*(f"{folder}" for folder in folders), environment["PATH"]])
    return environment


def run_script(name: str, package: PackageFile, app: Path, environment: dict[str, str]) -> None:
    if not package.scripts.get(name):
        return
    title(f"Running the {name} script")
    try:
        run(["npm", "run", name], app, environment)
    except ProgramFailed as error:
        fail(f"{error}: the {name} script failed. The reason stands above.")
