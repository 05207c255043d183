"""Has the buildpacks fetched that come from elsewhere: in a container, before any of the app's own code is there."""

import ipaddress
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from paas.builds.container import APP_USER, begin, container_spec, follow, give_to_app
from paas.builds.fetched import Fetched, Note, open_written
from paas.builds.order import BuildFailed, Order
from paas.builds.sources import InvalidSource
from paas.builds.stack import host_proxies
from paas.engine.engine import ImageMissing
from paas.model.build import UsedBuildpack
from paas.model.buildpack import Buildpack, Origin
from paas.settings import SettingInvalid, Settings

SCRIPTS = Path(__file__).parent
SECONDS = 180
"""For all of one build together."""
ANSWERS_LIMIT = 1024 * 1024
_WHOLE = re.compile(r"[0-9a-f]{40}")
_VERSION = re.compile(r"(sha256:[0-9a-f]{64}|[0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class Ready:
    """A buildpack that may run."""

    buildpack: Buildpack
    version: str = ""
    tar: Path | None = None
    """Of one that was fetched."""

    @property
    def used(self) -> UsedBuildpack:
        return UsedBuildpack(str(self.buildpack), self.version or None)


def make_ready(order: Order, buildpacks: Sequence[Buildpack]) -> Sequence[Ready]:
    """In the same order. A commit that was fetched once is not asked for again. Raises BuildFailed."""
    store = Fetched(order.settings.fetched_buildpacks, order.app.id)
    ready = {
        buildpack: _kept(buildpack, order.makers.pins.get(str(buildpack)), store)
        if buildpack.is_fetched
        else Ready(buildpack)
        for buildpack in buildpacks
    }
    missing = [buildpack for buildpack in buildpacks if ready[buildpack] is None]
    if missing:
        order.output.title("Fetching buildpacks")
        ready |= _fetch(order, missing, store)
    return [found for buildpack in buildpacks if (found := ready[buildpack]) is not None]


def _kept(buildpack: Buildpack, pin: str | None, store: Fetched) -> Ready | None:
    version = buildpack.ref if _WHOLE.fullmatch(buildpack.ref) else pin
    if version is None:
        return None  # a branch or a tag may have moved on, a tarball may be another
    path = store.path(buildpack, version)
    return None if path is None else Ready(buildpack, version, path)


def _fetch(
    order: Order, missing: Sequence[Buildpack], store: Fetched
) -> Mapping[Buildpack, Ready | None]:
    notes = [store.note(buildpack) for buildpack in missing]
    given, out = order.folder / "fetch", order.folder / "fetched"
    given.mkdir()
    out.mkdir()
    give_to_app(out)
    for script in ("fetch.py", "way_out.py"):
        shutil.copyfile(SCRIPTS / script, given / script)
    wanted = [
        {
            "origin": str(each.origin),
            "place": each.place,
            "ref": each.ref,
            "user": each.user,
            "password": each.password,
            "version": note.version,
            "etag": note.etag,
        }
        for each, note in zip(missing, notes, strict=True)
    ]
    (given / "wanted.json").write_text(json.dumps(wanted))
    for path in (given, *given.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    refused = _run(order, given, out)
    answers = _answers(out / "answers.json", len(missing))
    ready: dict[Buildpack, Ready | None] = {}
    for number, (buildpack, note) in enumerate(zip(missing, notes, strict=True)):
        tar = out / f"{number}.tar"
        ready[buildpack] = _take(order, buildpack, note, answers[number], tar, refused, store)
    return ready


def _run(order: Order, given: Path, out: Path) -> str:
    """What was refused, in one line."""
    settings = order.settings
    name = f"{order.build.container}-fetch"
    command = ["-EsB", "/given/way_out.py", f"{settings.buildpack_mb * 2}", f"{SECONDS}"]
    command += [_networks(settings), "/usr/bin/python3", "-EsB", "/given/fetch.py"]
    command += ["/given/wanted.json", "/out", f"{settings.buildpack_mb}"]
    spec = replace(
        container_spec(order, settings.stack_build, name),
        entrypoint=("/usr/bin/python3", *command),
        env=host_proxies(),
        user=f"{APP_USER}:{APP_USER}",
        workdir="/tmp",
        mounts={str(given): "/given", str(out): "/out"},
    )
    said = bytearray()
    try:
        session = begin(order, spec)
    except ImageMissing:
        raise BuildFailed(
            f"the stack's image {spec.image} is not on host {order.host.name}"
        ) from None
    follow(order, spec, session, lambda data: said.extend(data[: ANSWERS_LIMIT - len(said)]))
    lines = said.decode("utf-8", "replace").splitlines()
    return "; ".join(
        dict.fromkeys(line.partition("refused: ")[2] for line in lines if "refused: " in line)
    )


def _networks(settings: Settings) -> str:
    """Raises SettingInvalid."""
    words = settings.fetch_networks.replace(",", " ").split()
    try:
        return ",".join(str(ipaddress.IPv4Network(word)) for word in words)
    except ValueError as error:
        raise SettingInvalid(
            "fetch_networks", settings.directory, f"has a wrong network: {error}"
        ) from None


def _answers(path: Path, count: int) -> Sequence[Mapping[str, str]]:
    """Empty ones when there are none: what fetches was ended."""
    try:
        with open_written(path) as file:
            answers = json.loads(file.read(ANSWERS_LIMIT))
    except (OSError, ValueError):
        return [{}] * count
    if len(answers) != count or not all(isinstance(answer, dict) for answer in answers):
        return [{}] * count
    return [{str(name): str(value) for name, value in answer.items()} for answer in answers]


def _take(
    order: Order,
    buildpack: Buildpack,
    before: Note,
    answer: Mapping[str, str],
    tar: Path,
    refused: str,
    store: Fetched,
) -> Ready:
    """Raises BuildFailed, unless an earlier fetch of the same name is still there."""
    version = answer.get("version", "")
    try:
        if not _VERSION.fullmatch(version):
            raise _NotFetched(refused or answer.get("error") or "it was not fetched")
        came = version != before.version
        note = Note(version, answer.get("etag", "")[:200])
        store.put(buildpack, note, tar if came else None, order.settings.buildpack_mb)
    except (_NotFetched, InvalidSource, OSError) as error:
        why = error.why if isinstance(error, InvalidSource) else str(error)
        if refused or not before.version or isinstance(error, InvalidSource):
            raise BuildFailed(
                f"the buildpack {buildpack} cannot be had: {order.output.clean(why)}"
            ) from None
        version = before.version
        order.output.complain(
            f"{buildpack} could not be asked for news ({order.output.clean(why)}); what it was before is used"
        )
    path = store.path(buildpack, version)
    if path is None:
        raise BuildFailed(f"the buildpack {buildpack} is gone again. Push again")
    shown = version.removeprefix("sha256:")[:12]
    order.output.line(
        f"{buildpack} at {shown}" if buildpack.origin is Origin.GIT else f"{buildpack}"
    )
    return Ready(buildpack, version, path)


class _NotFetched(Exception):
    """The message says why."""
