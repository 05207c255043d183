"""The folder of a monorepo that is the app: from here on it is the whole tree."""

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from paas.builds.order import BuildFailed, Order
from paas.builds.sources import InvalidSource, SourceStore, Tree

NAMED = 12
"""As many folders are named in a message."""
_NAME = "subfolder"


def narrowed(order: Order) -> Order:
    """The same order for that folder alone, if one is set. Raises BuildFailed."""
    path = order.makers.build_config.path
    if path is None:
        return order
    source, tree = narrow(order.source, path, order.folder, order.settings.source_mb)
    order.output.title(f"Building the folder {path}")
    return replace(order, source=source, tree=tree)


def narrow(source: Path, path: str, folder: Path, limit_mb: int) -> tuple[Path, Tree]:
    """A checked tar, in `folder`, of what is in the folder `path` of a checked tar. Raises BuildFailed."""
    store = SourceStore(folder)
    try:
        store.write(_NAME, _members(source, path), limit_mb)
        return store.path(_NAME), store.check(_NAME, limit_mb)
    except InvalidSource as error:
        raise BuildFailed(f"in the folder {path} of the repository: {error.why}") from None


def _members(source: Path, path: str) -> Iterator[bytes]:
    """A tar of what is in the folder, as chunks. Raises BuildFailed."""
    prefix, is_empty = f"{path}/", True
    with tarfile.open(source, mode="r:") as tar:
        for member in tar:
            name = _plain(member.name)
            if not name.startswith(prefix):
                continue
            is_empty = False
            if member.islnk():
                member.linkname = _target(name, _plain(member.linkname), path)
            member.name = name.removeprefix(prefix)
            member.pax_headers = {}
            if member.isreg():
                member.type = tarfile.REGTYPE  # of a sparse one, too: its content comes in full
            yield member.tobuf(tarfile.PAX_FORMAT)
            content = tar.extractfile(member) if member.isreg() else None
            while content and (data := content.read(1 << 20)):
                yield data
            yield bytes(-(member.size if content else 0) % tarfile.BLOCKSIZE)
    if is_empty:
        raise BuildFailed(_nowhere(source, path))
    yield bytes(2 * tarfile.BLOCKSIZE)


def _target(name: str, target: str, path: str) -> str:
    """Of a hard link, from the folder. Raises BuildFailed."""
    if not target.startswith(f"{path}/"):
        raise BuildFailed(
            f"{name} is a hard link to {target}, outside the folder {path} (build setting path); make it a file"
        )
    return target.removeprefix(f"{path}/")


def _nowhere(source: Path, path: str) -> str:
    """What there is instead: beside it, or in the nearest folder above it that is there."""
    folders = _folders(source)
    parent = path.rpartition("/")[0]
    while parent and parent not in folders:
        parent = parent.rpartition("/")[0]
    beside = sorted(folder for folder in folders if folder.rpartition("/")[0] == parent)
    named = ", ".join(beside[:NAMED]) + (", …" if len(beside) > NAMED else "")
    where = f"{parent} has" if parent else "the repository has"
    return (
        f"there is no folder {path} in the repository (build setting path); {where} "
        f"{f'the folders {named}' if beside else 'no folders'}"
    )


def _folders(source: Path) -> set[str]:
    found: set[str] = set()
    with tarfile.open(source, mode="r:") as tar:
        for member in tar:
            parts = _plain(member.name).split("/")
            end = len(parts) if member.isdir() else len(parts) - 1
            found |= {"/".join(parts[:length]) for length in range(1, end + 1)}
    return found


def _plain(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))
