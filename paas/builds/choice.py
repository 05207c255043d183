"""Which buildpacks a build goes by: those that a person, the config or a file of the app names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paas.builds.app_file import read_app_file
from paas.builds.order import BuildFailed
from paas.builds.sources import APP_FILE, Tree
from paas.model.buildpack import LIMIT, Buildpack, InvalidBuildpack, Origin
from paas.settings import Settings

CONFIG_VAR = "BUILDPACK_URL"
LIST_FILE = ".buildpacks"
DOCKERFILE = "Dockerfile"
APT = "apt"
"""One of ours that joins the others wherever there is an Aptfile; it may be named all the same."""


class NoSuchBuildpack(InvalidBuildpack):
    def __init__(self, name: str, ours: Sequence[str]) -> None:
        super().__init__(
            f"There is no buildpack '{name}' here. Ours: {', '.join(ours)}. Name any other by its URL."
        )


@dataclass(frozen=True, slots=True)
class Choice:
    by: str
    """What chose them, for a message."""
    buildpacks: Sequence[Buildpack]


def choose(
    set_by_command: Sequence[Buildpack], config: Mapping[str, str], tree: Tree, settings: Settings
) -> Choice | None:
    """None: a Dockerfile, else the first of ours that detects something. Raises BuildFailed for what cannot be.

    An app.json beside a Dockerfile was written for another platform, and is not asked.
    """
    if set_by_command:
        return Choice("paas buildpacks:set", set_by_command)
    for by, named in (
        (CONFIG_VAR, [config.get(CONFIG_VAR, "").strip()]),
        (LIST_FILE, _lines(tree.texts.get(LIST_FILE, b""))),
        (APP_FILE, _of_app_file(tree)),
    ):
        if named := [text for text in named if text]:
            return Choice(by, _parsed(by, named, settings))
    return None


def secret_values(config: Mapping[str, str]) -> Sequence[str]:
    """What output must not show. A buildpack's URL is no secret, unless there is a password in it."""
    return [value for name, value in config.items() if name != CONFIG_VAR or "@" in value]


def ours(settings: Settings) -> Sequence[str]:
    """Those that find out whether they know a tree, in the order in which they are asked."""
    lines = (settings.buildpacks_dir / "order").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def check_ours(buildpacks: Sequence[Buildpack], settings: Settings) -> None:
    """Raises NoSuchBuildpack."""
    known = [*ours(settings), APT]
    for buildpack in buildpacks:
        if buildpack.origin is Origin.OURS and buildpack.place not in known:
            raise NoSuchBuildpack(buildpack.place, known)


def _parsed(by: str, named: Sequence[str], settings: Settings) -> Sequence[Buildpack]:
    if len(named) > LIMIT:
        raise BuildFailed(f"{by} names {len(named)} buildpacks; {LIMIT} is the most")
    try:
        buildpacks = [Buildpack.parse(text) for text in named]
        check_ours(buildpacks, settings)
    except InvalidBuildpack as error:
        raise BuildFailed(f"{by}: {error}") from None
    return buildpacks


def _lines(content: bytes) -> Sequence[str]:
    lines = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()]
    return [line for line in lines if not line.startswith("#")]


def _of_app_file(tree: Tree) -> Sequence[str]:
    if DOCKERFILE in tree.root:
        return []
    return [text.strip() for text in read_app_file(tree.texts.get(APP_FILE, b"")).buildpacks]
