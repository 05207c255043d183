"""The story of a static site: built if it has a build script, then served by nginx."""

from pathlib import Path

from compile_node import build
from nginx import render
from pack import fail, remove_tree, say, title
from package_file import PackageFile
from static_site import OUTPUTS, Site

SERVE = Path(__file__).resolve().parent.parent / "serve"
OWN = ".heroku/static"


def deciding_file(app: Path) -> str | None:
    """What makes this a static site; None: nothing does."""
    if (app / "static.json").is_file():
        return "static.json"
    package = PackageFile.of(app)
    if package is not None and package.build_script and package.is_site(app):
        return f"package.json, {package.build_script} script"
    pages = [f"{folder}/index.html".removeprefix("./") for folder in (".", *OUTPUTS)]
    return next((page for page in pages if (app / page).is_file()), None)


def compile_static(app: Path, cache: Path, env_dir: Path) -> None:
    """`app` must be /app. What only the build needed is removed."""
    decided_by = deciding_file(app)
    if decided_by is None:
        fail(
            f"This is no static site: there is no static.json, and no index.html in {', '.join(OUTPUTS)}"
        )
    title(f"Static site detected ({decided_by})")
    package = PackageFile.of(app)
    is_built = package is not None and package.build_script is not None
    if package is not None and is_built:
        build(package, app, cache, env_dir)
        for name in ("node_modules", ".heroku/node"):
            remove_tree(app / name)
    site = Site.of(app, is_built)
    own = app / OWN
    own.mkdir(parents=True, exist_ok=True)
    (own / "nginx.conf").write_text(render(site, app))
    (own / "serve").write_bytes(SERVE.read_bytes())
    (own / "serve").chmod(0o755)
    title(f"Serving {'the app itself' if site.root == '.' else site.root} with nginx")
    if site.is_single_page:
        say("It is a single page: index.html also answers where a path names no file")
    for pattern, file in site.routes.items():
        say(f"{pattern} is answered with {file} where there is no such file")
