"""deploy, builds:retry: what a push does, without a push."""

import re
from pathlib import Path
from typing import Any

import click

from paas.cli.builds import build_named, follow, newest_first
from paas.cli.client import STORED_SECONDS, Client, path
from paas.cli.command import command, on_app
from paas.cli.files import REPOSITORY, all_files, files_by_git, has_git
from paas.cli.links import local
from paas.cli.pack import pack
from paas.cli.session import Session
from paas.cli.text import plain, say
from paas.cli.wait import Detached, settle
from paas.errors import Failed, Invalid

LIVE, BUILT = "live", "built"


class NothingToSend(Invalid):
    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is no file to send in {folder}, or a .gitignore leaves out all of them."
        )


class MoreThanOne(Invalid):
    def __init__(self) -> None:
        super().__init__("Deploy one thing: a folder, or what --ref, --url or --image names.")


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
        super().__init__(
            f"the build goes on. See: paas builds:output -a {app}; to stop it: paas builds:cancel -a {app}"
        )


@command(
    "deploy",
    "paas deploy",
    "paas deploy ./site -a my-app",
    "paas deploy --ref 3f2a91c",
    "paas deploy --image nginx:1.27",
)
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@on_app
@click.option("--ref", metavar="COMMIT", help="A commit, branch or tag that was pushed.")
@click.option("--url", metavar="URL", help="Where the platform fetches a tar, by https.")
@click.option(
    "--image", metavar="NAME", help="An image that the engine has, or can fetch; for admins."
)
@click.pass_obj
def deploy(
    session: Session,
    folder: Path | None,
    app: str,
    ref: str | None,
    url: str | None,
    image: str | None,
) -> None:
    """Deploy without a push.

    The files of FOLDER, or of this folder, as they are, committed or not, but for those that a .gitignore leaves out.
    Or a commit that was pushed before; a tar, which the platform fetches; an image, which is released as it is. Shows
    the build, and returns when the release is live in every router. Ctrl-C leaves it running.
    """
    api = session.api
    if sum(each is not None for each in (folder, ref, url, image)) > 1:
        raise MoreThanOne
    wanted: dict[str, object]
    kept = None if ref is None else _kept_image(api, app, ref)
    if kept is not None:
        answer = api.post(path("apps", app, "releases"), {"slug": kept})
        number = plain(answer.one()["version"])
        say(f"Releasing {app} v{number}, built before")
        settle(api, app, answer, False, f"Live: {app} v{number}")
        return
    if ref is not None:
        wanted = {"commit": ref}
    elif url is not None:
        wanted = {"source_blob": {"url": url}}
    elif image is not None:
        wanted = {"image": image}
    else:
        wanted = {"source_blob": _send(api, (folder or Path()).absolute())}
    _build(api, app, wanted)


@command("builds:retry", "paas builds:retry", "paas builds:retry 3f2a91c0 -a my-app")
@click.argument("build", required=False)
@on_app
@click.pass_obj
def retry(session: Session, build: str | None, app: str) -> None:
    """Build the same source once more.

    That of BUILD, or of the newest build; what it makes is deployed.
    """
    found = build_named(session.api, app, build)
    blob = found["source_blob"]
    _build(session.api, app, {"source_blob": {"url": blob["url"], "version": blob.get("version")}})


def _build(api: Client, app: str, wanted: dict[str, object]) -> None:
    """Begun, and followed to its end."""
    build = api.post(path("apps", app, "builds"), wanted, STORED_SECONDS).one()
    show_to_its_end(api, app, build["id"])


def _kept_image(api: Client, app: str, ref: str) -> str | None:
    """The slug of what was built of that commit to be released later; None: it is to be built."""
    if not re.fullmatch(r"[0-9a-f]{7,40}", ref):
        return None
    for build in newest_first(api, app):
        version = (build.get("source_blob") or {}).get("version") or ""
        if build.get("outcome") == BUILT and build.get("slug") and version.startswith(ref):
            return str(build["slug"]["id"])
    return None


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
    if became["outcome"] not in (LIVE, BUILT):
        raise NotLive(app, became)


def _send(api: Client, folder: Path) -> dict[str, str]:
    """The folder's files, to a new source. How a build names it: as no commit, for git cannot tell that it is one."""
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
    return {"url": blob["get_url"]}
