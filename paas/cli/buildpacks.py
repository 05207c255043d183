"""buildpacks, buildpacks:add, buildpacks:set, buildpacks:remove, buildpacks:clear."""

import click

from paas.cli.client import path
from paas.cli.command import as_json, command, on_app
from paas.cli.session import Session
from paas.cli.text import columns, plain, say, show, show_json
from paas.errors import Conflict, Invalid, Unknown
from paas.model.buildpack import Buildpack

URL = "https://github.com/heroku/heroku-buildpack-apt"
index_option = click.option(
    "-i", "--index", type=click.IntRange(min=1), help="The place in the order, from 1."
)


class UnknownBuildpack(Unknown):
    def __init__(self, app: str, named: str) -> None:
        super().__init__(
            f"{app} has no buildpack {named[:200]}. Nothing was changed. See: paas buildpacks -a {app}"
        )


class BuildpackThere(Conflict):
    def __init__(self, app: str, named: str) -> None:
        super().__init__(
            f"{app} has the buildpack {named[:200]} already. Nothing was changed. See: paas buildpacks -a {app}"
        )


class WhichBuildpack(Invalid):
    def __init__(self) -> None:
        super().__init__("Name the buildpack or its --index, and not both. Nothing was changed.")


@command("buildpacks", "paas buildpacks", "paas buildpacks -a my-app --json")
@on_app
@as_json
@click.pass_obj
def list_buildpacks(session: Session, app: str, as_json: bool) -> None:
    """List an app's buildpacks.

    In the order in which they run.
    """
    found = session.api.get(path("apps", app, "buildpack-installations")).many()
    if as_json:
        show_json(found)
        return
    urls = [str(each["buildpack"]["url"]) for each in found]
    show(columns([[f"{number}.", plain(url)] for number, url in enumerate(urls, start=1)]))
    if not urls:
        say(
            f"{app} has no buildpacks set. A build goes by its files. See: paas buildpacks:add --help"
        )


@command(
    "buildpacks:add",
    f"paas buildpacks:add {URL} --index 1",
    f"paas buildpacks:add {URL}#main -a my-app",
    "paas buildpacks:add python",
    "paas buildpacks:add ./buildpack",
)
@click.argument("buildpack")
@on_app
@index_option
@click.pass_obj
def add(session: Session, buildpack: str, app: str, index: int | None) -> None:
    """Add a buildpack.

    BUILDPACK is a name of ours (nodejs, python, static), the URL of a git repository (a branch, tag or whole
    commit after #) or of a .tgz, or a folder of the app. It runs after those before, or at --index.
    """
    named = str(Buildpack.parse(buildpack))
    urls = _urls(session, app)
    if named in urls:
        raise BuildpackThere(app, named)
    urls.insert(len(urls) if index is None else index - 1, buildpack)
    _put(session, app, urls)


@command(
    "buildpacks:set", f"paas buildpacks:set {URL}", "paas buildpacks:set python --index 2 -a my-app"
)
@click.argument("buildpack")
@on_app
@index_option
@click.pass_obj
def put(session: Session, buildpack: str, app: str, index: int | None) -> None:
    """Set a buildpack.

    In place of the one at --index, else of the first. BUILDPACK as for buildpacks:add.
    """
    urls = _urls(session, app)
    place = 0 if index is None else index - 1
    urls[place : place + 1] = [buildpack]
    _put(session, app, urls)


@command(
    "buildpacks:remove",
    f"paas buildpacks:remove {URL}",
    "paas buildpacks:remove --index 2 -a my-app",
)
@click.argument("buildpack", required=False)
@on_app
@index_option
@click.pass_obj
def remove(session: Session, buildpack: str | None, app: str, index: int | None) -> None:
    """Remove a buildpack.

    BUILDPACK, or the one at --index.
    """
    if (buildpack is None) == (index is None):
        raise WhichBuildpack
    urls = _urls(session, app)
    if index is not None:
        if index > len(urls):
            raise UnknownBuildpack(app, f"number {index}")
        del urls[index - 1]
    else:
        named = str(Buildpack.parse(buildpack or ""))
        if named not in urls:
            raise UnknownBuildpack(app, named)
        urls.remove(named)
    _put(session, app, urls)


@command("buildpacks:clear", "paas buildpacks:clear", "paas buildpacks:clear -a my-app")
@on_app
@click.pass_obj
def clear(session: Session, app: str) -> None:
    """Remove all buildpacks.

    The next build looks at the app's files again.
    """
    _put(session, app, [])


def _urls(session: Session, app: str) -> list[str]:
    found = session.api.get(path("apps", app, "buildpack-installations")).many()
    return [str(each["buildpack"]["url"]) for each in found]


def _put(session: Session, app: str, urls: list[str]) -> None:
    updates = {"updates": [{"buildpack": url} for url in urls]}
    answer = session.api.put(path("apps", app, "buildpack-installations"), updates).many()
    now = [plain(each["buildpack"]["url"]) for each in answer]
    say(
        f"The next build of {app} uses: {', '.join(now)}"
        if now
        else f"The next build of {app} looks at its files"
    )
