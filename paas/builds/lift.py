"""An archive as forges pack it has all in one folder: that folder is the tree."""

import os
import tarfile
from pathlib import Path

from paas.builds.sources import FILE_MODE, parts_of, to_disk


def lift(path: Path) -> None:
    """Of a checked tar, which is to be checked again: a link that stayed inside may lead out now."""
    with tarfile.open(path, mode="r:") as tar:
        if not _is_one_folder(tar):
            return
    temporary = path.with_suffix(".part")
    try:
        with tarfile.open(path, mode="r:") as tar, temporary.open("wb") as file:
            os.fchmod(file.fileno(), FILE_MODE)
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as lifted:
                for member in tar:
                    _lift(member, tar, lifted)
            to_disk(file)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _is_one_folder(tar: tarfile.TarFile) -> bool:
    tops = set()
    for member in tar:
        parts = parts_of(member.name)
        if len(parts) == 1 and not member.isdir():
            return False
        tops.update(parts[:1])
    return len(tops) == 1


def _lift(member: tarfile.TarInfo, tar: tarfile.TarFile, lifted: tarfile.TarFile) -> None:
    parts = parts_of(member.name)[1:]
    if not parts:
        return
    content = tar.extractfile(member) if member.isreg() else None
    member.name, member.pax_headers = "/".join(parts), {}
    if member.islnk():
        member.linkname = "/".join(parts_of(member.linkname)[1:])
    if member.isreg():
        member.type = tarfile.REGTYPE
    lifted.addfile(member, content)
