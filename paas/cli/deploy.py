"""deploy: what a push does, without a push."""

from pathlib import Path
from typing import Any

import click

from paas.cli.builds import follow
from paas.cli.client import Client, path
from paas.cli.command import command, on_app
from paas.cli.files import REPOSITORY, all_files, commit_of, files_by_git, has_git
from paas.cli.links import local
from paas.cli.pack import pack
from paas.cli.session import Session
from paas.cli.text import plain, say
from paas.cli.wait import Detached
from paas.errors import Failed, Invalid

LIVE = "live"


class NothingToSend(Invalid):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no file to send in {folder}, or a .gitignore leaves out all of them."
        )


class NoFolder(Invalid):
    def __init__(self, folder: Path) -> None:
        super().__init__(f"{plain(folder)} is no folder. Type: paas deploy --help")


class NotLive(Failed):
    """The output has told why."""

    def __init__(self, app: str, build: dict[str, Any]) -> None:
        what = {
            "cancelled": "the build was cancelled.",
            "superseded": "a newer release took its place.",
        }.get(str(build.get("outcome")), "see above.")
        rest = f"What {app} ran before, it runs still."
        super().__init__(
            f"Not deployed: {what} {rest if build.get('serving') else f'Nothing of {app} runs.'}"
        )


class StillBuilding(Detached):
    def __init__(self, app: str) -> None:
        super(Detached, self).__init__(
            f"Not waiting any longer; the build goes on. See: paas builds:output -a {app}; "
            f"to stop it: paas builds:cancel -a {app}"
        )


@command("deploy", "paas deploy", "paas deploy ./site -a my-app")
@click.argument("folder", required=False, default=".", type=click.Path(path_type=Path))
@on_app
@click.pass_obj
def deploy(session: Session, folder: Path, app: str) -> None:
    """Deploy without a push.

    The files of FOLDER, or of this folder, as they are, committed or not, but for those that a .gitignore leaves out.
    Shows the build, and returns when the release is live in every router. Ctrl-C leaves it running.
    """
    source = _send(session.api, folder.absolute())
    build = session.api.post(path("apps", app, "builds"), {"source_blob": source}).one()
    show_to_its_end(session.api, app, build["id"])


def show_to_its_end(api: Client, app: str, build_id: str) -> None:
    """Raises NotLive, and StillBuilding at Ctrl-C."""
    build = path("apps", app, "builds", build_id)
    try:
        with click.open_file("-", "wb") as out:
            for piece in follow(api, build):
                out.write(piece)
                out.flush()
    except KeyboardInterrupt:
        raise StillBuilding(app) from None
    became = api.get(build).one()
    if became["outcome"] != LIVE:
        raise NotLive(app, became)


def _send(api: Client, folder: Path) -> dict[str, str]:
    """The folder's files, to a new source. How a build names it."""
    if not folder.is_dir():
        raise NoFolder(folder)
    is_git = has_git()
    names = list(files_by_git(folder) if is_git else all_files(folder))
    if not names:
        raise NothingToSend(folder)
    if not is_git:
        say(f"There is no git here, so no .gitignore counts: all but {REPOSITORY} is sent")
    size = sum((folder / name).lstat().st_size for name in names)
    say(f"Sending {len(names)} files, {size / 1e6:.1f} MB, of {plain(folder)}")
    blob = api.post(path("sources")).one()["source_blob"]
    api.upload(local(api.address, blob["put_url"]), pack(folder, names))
    return {"url": blob["get_url"], "version": commit_of(folder) if is_git else ""}
