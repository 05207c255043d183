"""The story of a Go build."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pack import (
    MEMORY_PROFILE,
    ProgramFailed,
    ask,
    build_environment,
    config_vars,
    fail,
    run,
    run_hook,
    say,
    title,
    write_profile,
)
from programs import NOTE, Program, programs_of, web_of
from toolchain import choose_go

EXPORT = Path(__file__).resolve().parent.parent / "export"
PROGRAMS = "bin"
EVERYWHERE = re.compile(
    r"(libc|libm|libdl|librt|libpthread|libresolv|libgcc_s|libstdc\+\+|ld-linux.*)\.so\.\d+"
)
"""Libraries that the small image has."""


def compile_go(app: Path, cache: Path, env_dir: Path) -> None:
    """Each main of the module becomes a program in bin/. `app` must be /app."""
    title("Go app detected (go.mod)")
    cache.mkdir(parents=True, exist_ok=True)
    environment = environment_for_go(config_vars(env_dir), app, cache)

    run_hook(app, "go-pre_compile", environment)
    choose_go(app, cache, environment)
    programs = programs_of(app, environment)
    web = web_of(programs, app)
    build(programs, app, environment)
    write_profile(app, "go.sh", EXPORT.read_text() + MEMORY_PROFILE.read_text())
    remark_libraries(programs, app, environment)
    run_hook(app, "go-post_compile", environment)

    if web is not None:
        (app / NOTE).parent.mkdir(parents=True, exist_ok=True)
        (app / NOTE).write_text(f"{PROGRAMS}/{web.name}")
        title(f"There is no Procfile. The web process is: {PROGRAMS}/{web.name}")


def environment_for_go(config: Mapping[str, str], app: Path, cache: Path) -> dict[str, str]:
    own = {
        "GOBIN": "",
        "GOCACHE": f"{cache / 'build'}",
        "GOFLAGS": f"{config.get('GOFLAGS', '')} -modcacherw".strip(),
        "GOMODCACHE": f"{cache / 'mod'}",
        "GOPATH": f"{cache / 'path'}",
        "GOROOT": "",
        "GOTELEMETRY": "off",
        "GOTOOLCHAIN": config.get("GOTOOLCHAIN", "auto"),
    }
    environment = build_environment(config, own)
    environment["PATH"] = f"{app / PROGRAMS}:{environment['PATH']}"
    return environment


def build(programs: Sequence[Program], app: Path, environment: Mapping[str, str]) -> None:
    is_vendored = (app / "vendor/modules.txt").is_file()
    names = ", ".join(f"{PROGRAMS}/{program.name}" for program in programs)
    title(f"Building {names}" + (" with what is in vendor/" if is_vendored else ""))
    (app / PROGRAMS).mkdir(exist_ok=True)
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-o", f"{PROGRAMS}/"]
    command += ["-mod=vendor"] if is_vendored else []
    try:
        run([*command, *(program.package for program in programs)], app, environment)
    except ProgramFailed as error:
        fail(f"{error}: the app is not built. The reason stands above.")


def remark_libraries(
    programs: Sequence[Program], app: Path, environment: Mapping[str, str]
) -> None:
    """Of C code: where the app runs there are few, unless there is an Aptfile."""
    if (app / "Aptfile").is_file():
        return
    for program in programs:
        told = ask(["readelf", "-d", f"{PROGRAMS}/{program.name}"], app, environment)
        needed = re.findall(r"\(NEEDED\)[^\[]*\[([^\]]+)\]", told)
        missing = [library for library in needed if not EVERYWHERE.fullmatch(library)]
        if missing:
            say(
                f"{PROGRAMS}/{program.name} needs {', '.join(missing)}, which the small run image has not:\n"
                "name the Debian package in a file Aptfile"
            )
