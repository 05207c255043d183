"""The web process of an app without a Procfile: guessed from what is installed and what its modules define."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MODULES = (
    "wsgi.py",
    "asgi.py",
    "app.py",
    "main.py",
    "application.py",
    "server.py",
    "web.py",
    "api.py",
)
"""Where people put it, in this order; then the same names in each package at the root, and its __init__.py."""

NAMES = ("app", "application", "api")


class Interface(StrEnum):
    WSGI = "WSGI"
    ASGI = "ASGI"
    UNKNOWN = "unknown"
    """Made by a function of the app's own: what is installed decides."""
    NONE = "none"


CONSTRUCTORS = {
    "Flask": Interface.WSGI,
    "Bottle": Interface.WSGI,
    "get_wsgi_application": Interface.WSGI,
    "Celery": Interface.NONE,
    "Typer": Interface.NONE,
    "FastAPI": Interface.ASGI,
    "Starlette": Interface.ASGI,
    "Quart": Interface.ASGI,
    "Litestar": Interface.ASGI,
    "get_asgi_application": Interface.ASGI,
}

ASGI_FRAMEWORKS = frozenset({"fastapi", "starlette", "quart", "litestar"})


@dataclass(frozen=True, slots=True)
class Found:
    module: str
    name: str
    interface: Interface
    file: str


def guess(app: Path, programs: Path) -> tuple[str, str] | None:
    """The command, and the file it was guessed from; None also if there is a Procfile, which says it all.

    `programs` is the bin folder of what is installed.
    """
    if (app / "Procfile").is_file():
        return None
    has_gunicorn, has_uvicorn, has_waitress = (
        (programs / name).exists() for name in ("gunicorn", "uvicorn", "waitress-serve")
    )
    for found in _applications(app):
        target = f"{found.module}:{found.name}"
        if found.interface is not Interface.ASGI and has_gunicorn:
            return f"gunicorn {target}", found.file
        if found.interface is not Interface.ASGI and has_waitress:
            return f"waitress-serve --port=$PORT {target}", found.file
        if found.interface is not Interface.WSGI and has_uvicorn:
            return (
                f"uvicorn {target} --host 0.0.0.0 --port $PORT --timeout-keep-alive 75",
                found.file,
            )
    return None


def _applications(app: Path) -> Iterator[Found]:
    packages = sorted(
        path.parent for path in app.glob("*/__init__.py") if path.parent.name != "tests"
    )
    files = [(app / name, Path(name).stem) for name in MODULES]
    files += [
        (package / name, f"{package.name}.{Path(name).stem}")
        for package in packages
        for name in MODULES
    ]
    files += [(package / "__init__.py", package.name) for package in packages]
    for file, module in files:
        if file.is_file() and (defined := _application_in(file)):
            yield Found(module, *defined, file=f"{file.relative_to(app)}")


def _application_in(file: Path) -> tuple[str, Interface] | None:
    """A name at the module's top level that holds an application, or is one itself."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=called))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call(func=called))
            ) if name in NAMES:
                interface = CONSTRUCTORS.get(_last_name(called)) or _interface_of_imports(tree)
                if interface is not Interface.NONE:
                    return name, interface
            case ast.FunctionDef(name=name) if name in NAMES and len(node.args.args) == 2:
                return name, Interface.WSGI
            case ast.AsyncFunctionDef(name=name) if name in NAMES and len(node.args.args) == 3:
                return name, Interface.ASGI
    return None


def _interface_of_imports(tree: ast.Module) -> Interface:
    for node in tree.body:
        match node:
            case ast.Import(names=[ast.alias(name=name), *_]) | ast.ImportFrom(module=str(name)):
                if name.partition(".")[0] in ASGI_FRAMEWORKS:
                    return Interface.ASGI
    return Interface.UNKNOWN


def _last_name(called: ast.expr) -> str:
    match called:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
