"""A body as it was before it was compressed, piece by piece: a small one may hold a large one."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator

from paas.errors import Invalid

CHUNK = 64 * 1024
GZIP = 16 + zlib.MAX_WBITS


class UnknownEncoding(Invalid):
    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"The body's encoding {encoding[:60]!r} is none that is read here: gzip, or none."
        )


class BrokenZip(Invalid):
    def __init__(self) -> None:
        super().__init__("The body is not the gzip that it says it is. Nothing was changed.")


class BodyTooLong(Invalid):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"The body has more than {limit >> 20} MB, which is the most. Nothing was changed."
        )


async def unzipped(body: AsyncIterator[bytes], encoding: str, limit: int) -> AsyncIterator[bytes]:
    """`limit` is in bytes, of what comes out. After each part everybody else has a turn.

    Raises UnknownEncoding, BrokenZip, BodyTooLong.
    """
    unzip = None
    if encoding in ("gzip", "x-gzip"):
        unzip = zlib.decompressobj(GZIP)
    elif encoding not in ("", "identity"):
        raise UnknownEncoding(encoding)
    size = 0
    async for piece in body:
        for part in [piece] if unzip is None else _parts(unzip, piece):
            size += len(part)
            if size > limit:
                raise BodyTooLong(limit)
            if part:
                yield part
            await asyncio.sleep(0)
    if unzip is not None and not unzip.eof:
        raise BrokenZip


def _parts(unzip: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
    """Never more than a chunk at a time."""
    while True:
        try:
            part = unzip.decompress(piece, CHUNK)
        except zlib.error:
            raise BrokenZip from None
        if unzip.unused_data:
            raise BrokenZip
        yield part
        piece = unzip.unconsumed_tail
        if not piece and len(part) < CHUNK:
            return
