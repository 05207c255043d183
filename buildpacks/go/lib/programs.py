"""The programs of a Go module: which packages are mains, what each is called, and which one serves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pack import ProgramFailed, ask, fail

NOTE = ".heroku/go/web"
"""The web process of an app without a Procfile, for bin/release."""
PLACES = ((".", "./cmd/..."), ("./...",))
"""Where mains are looked for; in the next only if there are none in the one before."""
MAINS = '{{if eq .Name "main"}}{{.ImportPath}} {{.Target}}{{end}}'


@dataclass(frozen=True, slots=True)
class Program:
    name: str
    package: str


def programs_of(app: Path, environment: Mapping[str, str]) -> Sequence[Program]:
    """None of them, or two of one name, end the build."""
    found = (_programs_in(places, app, environment) for places in PLACES)
    programs = next(filter(None, found), None)
    if programs is None:
        fail("There is nothing to run: no package of the module is a main")
    seen: dict[str, str] = {}
    for program in programs:
        if other := seen.get(program.name):
            fail(f"{other} and {program.package} would both be bin/{program.name}. Rename one.")
        seen[program.name] = program.package
    return programs


def web_of(programs: Sequence[Program], app: Path) -> Program | None:
    """None if there is a Procfile, which says it all. Ends the build if nothing says which one serves."""
    if (app / "Procfile").is_file():
        return None
    named = {program.name: program for program in programs}
    if len(programs) == 1:
        return programs[0]
    likely = [name for name in ("web", "server", _name_of_module(app)) if name in named]
    if not likely:
        fail(
            f"There are several programs ({', '.join(sorted(named))}), none is called web, server or like the module,\n"
            f"and no Procfile says which one serves. Add one with a line such as: web: bin/{min(named)}"
        )
    return named[likely[0]]


def _programs_in(
    places: Sequence[str], app: Path, environment: Mapping[str, str]
) -> Sequence[Program]:
    try:
        told = ask(["go", "list", "-e", "-find", "-f", MAINS, *places], app, environment)
    except ProgramFailed as error:
        fail(f"The module cannot be read:\n{error.output.strip()}")
    lines = [line.split(" ") for line in told.splitlines() if line.strip()]
    return [Program(Path(target).name, package) for package, target in lines]


def _name_of_module(app: Path) -> str:
    """Without the number of its major version."""
    found = re.search(r'^module\s+"?([^\s"]+)', (app / "go.mod").read_text(), re.MULTILINE)
    path = re.sub(r"/v\d+$", "", found[1]) if found else ""
    return path.rpartition("/")[2]
