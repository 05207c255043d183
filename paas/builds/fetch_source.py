"""A source that was named by a URL comes here, and what was said of its checksum is held against it."""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from paas.builds.fetch_apart import FetchLimit, fetch_apart
from paas.builds.fetched import open_written
from paas.builds.lift import lift
from paas.builds.order import BuildFailed, Order
from paas.builds.sources import SourceStore
from paas.model.build import Source
from paas.model.source_url import SourceUrl

SECONDS = 600.0
CHUNK = 1024 * 1024


def fetch_source(order: Order, given: Source, named: str, sources: SourceStore) -> None:
    """There is nothing under its id before it is whole and good. Raises BuildFailed and InvalidSource."""
    url, limit_mb = SourceUrl.parse(named), order.settings.source_mb
    order.output.title(f"Fetching {url}")
    wanted = {"origin": "tarball", "place": url.place, "ref": "", "version": "", "etag": ""}
    wanted |= {"user": url.user, "password": url.password}
    came = fetch_apart(order, "source", [wanted], FetchLimit(limit_mb, "source_mb", SECONDS))
    answer, new = came.answers[0], str(uuid.uuid4())
    if "version" not in answer:
        why = came.refused or answer.get("error") or "it was not fetched"
        raise BuildFailed(f"{url} cannot be had: {order.output.clean(why)}")
    try:
        size = sources.write(new, _chunks(came.tar(0)), limit_mb)
        if given.checksum is not None:
            check_sum(sources, new, given.checksum)
        sources.check(new, limit_mb)
        lift(sources.place(new))
        sources.place(new).rename(sources.place(given.id))
    except OSError as error:
        raise BuildFailed(f"{url} cannot be had: {order.output.clean(str(error))}") from None
    finally:
        sources.remove(new)
    order.output.line(f"{size / 1e6:.1f} MB")


def check_sum(sources: SourceStore, source_id: str, wanted: str) -> None:
    """Of what came, before it is unzipped. Raises BuildFailed."""
    digest = hashlib.sha256()
    with sources.open(source_id) as file:
        while data := file.read(CHUNK):
            digest.update(data)
    if digest.hexdigest() != wanted:
        raise BuildFailed(
            f"the source is not what was named: its SHA-256 is {digest.hexdigest()} and not {wanted}"
        )


def _chunks(path: Path) -> Iterator[bytes]:
    with open_written(path) as file:
        while data := file.read(CHUNK):
            yield data
