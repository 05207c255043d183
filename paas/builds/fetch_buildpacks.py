"""Has the buildpacks fetched that come from elsewhere."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paas.builds.fetch_apart import FetchLimit, fetch_apart
from paas.builds.fetched import Fetched, Note
from paas.builds.order import BuildFailed, Order
from paas.builds.sources import InvalidSource
from paas.model.build import UsedBuildpack
from paas.model.buildpack import Buildpack, Origin

SECONDS = 180
"""For all of one build together."""
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
    came = fetch_apart(
        order,
        "buildpacks",
        wanted,
        FetchLimit(order.settings.buildpack_mb, "buildpack_mb", SECONDS),
    )
    ready: dict[Buildpack, Ready | None] = {}
    for number, (buildpack, note) in enumerate(zip(missing, notes, strict=True)):
        answer, tar = came.answers[number], came.tar(number)
        ready[buildpack] = _take(order, buildpack, note, answer, tar, came.refused, store)
    return ready


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
