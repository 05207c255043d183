"""The story of a Python build."""

import platform
from pathlib import Path

from collectstatic import collect_static
from install import VENV, environment_for_uv, install
from manifest import Kind, asked_version, check_version, manifest_of, manifests_of
from pack import (
    MEMORY_PROFILE,
    ask,
    build_environment,
    config_vars,
    fail,
    remove_tree,
    run_hook,
    say,
    title,
    write_profile,
)
from web_process import guess

PROFILE = Path(__file__).resolve().parent.parent / "profile.sh"

REPLACED = {
    Kind.UV: (Kind.PIPENV, Kind.REQUIREMENTS, Kind.POETRY),
    Kind.PIPENV: (Kind.REQUIREMENTS, Kind.POETRY),
    Kind.REQUIREMENTS: (Kind.POETRY,),
}
"""What nobody reads beside the file that decides, and somebody may have thought would be read."""


def compile_python(app: Path, cache: Path, env_dir: Path) -> None:
    """The app's packages in .heroku/python, and what finds them at every start. `app` must be /app."""
    kind = decide_kind(app)
    python = decide_python(app)

    cache.mkdir(parents=True, exist_ok=True)
    venv = app / VENV
    config = config_vars(env_dir)
    environment = build_environment(config, environment_for_uv(config, app, cache))
    environment["PATH"] = f"{venv / 'bin'}:{environment['PATH']}"

    run_hook(app, "pre_compile", environment)
    remove_tree(venv)
    uv = ask(["uv", "--version"], app, environment)
    install(kind, app, cache, environment, f"{python} {uv}")
    write_profile(app, "python.sh", PROFILE.read_text() + MEMORY_PROFILE.read_text())
    collect_static(app, venv, environment)
    run_hook(app, "post_compile", environment)

    if guessed := guess(app, venv / "bin"):
        title(f"There is no Procfile. The web process is guessed from {guessed[1]}: {guessed[0]}")


def decide_kind(app: Path) -> Kind:
    kind = manifest_of(app)
    if kind is None:
        fail(f"This is no Python app: there is no {', '.join(Kind)}")
    title(f"Python app detected ({kind.value})")
    if kind is Kind.PIPFILE:
        fail("There is no Pipfile.lock beside it. Type pipenv lock, and commit what it writes")
    for other in manifests_of(app):
        if other in REPLACED.get(kind, ()):
            say(f"{other.value} is not read: {kind.value} decides")
    return kind


def decide_python(app: Path) -> str:
    """The version in use, which is the stack's own: no other is to be had without its maker's site."""
    have = platform.python_version()
    asked = asked_version(app)
    remark = check_version(asked, have) if asked else None
    title(f"Using Python {have}" + (f" ({asked.file})" if asked else ""))
    if remark:
        say(remark)
    return have
