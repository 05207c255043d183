import asyncio
import gzip
import random
from collections.abc import AsyncIterator

import pytest

from paas.api.unzip import CHUNK, BodyTooLong, BrokenZip, UnknownEncoding, unzipped

MB = 1 << 20


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def read(body: bytes, encoding: str = "gzip", limit: int = 8 * MB, size: int = 1000) -> list[bytes]:
    async def collect() -> list[bytes]:
        return [part async for part in unzipped(in_pieces(body, size), encoding, limit)]

    return asyncio.run(collect())


@pytest.mark.parametrize("content", [b"", b"x", random.Random(1).randbytes(300_000), b"x" * 4 * MB])
@pytest.mark.parametrize("size", [7, 1000, 10 * MB])
def test_a_body_comes_out_as_it_was(content: bytes, size: int) -> None:
    parts = read(gzip.compress(content), size=size)

    assert b"".join(parts) == content
    assert all(len(part) <= CHUNK for part in parts)


def test_a_plain_body_is_handed_on() -> None:
    assert b"".join(read(b"abc", "")) == b"abc"


def test_a_small_body_that_holds_a_large_one_is_refused_when_it_is_too_large() -> None:
    with pytest.raises(BodyTooLong):
        read(gzip.compress(b"\0" * 9 * MB))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        gzip.compress(b"abc", mtime=0)[:-1],
        gzip.compress(b"abc", mtime=0) + b"more",
    ],
)
def test_what_is_no_gzip_is_refused(body: bytes) -> None:  # fmt: skip
    with pytest.raises(BrokenZip):
        read(body)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(UnknownEncoding):
        read(b"abc", "br")


def test_a_small_piece_that_holds_much_leaves_turns_to_others() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def unzip() -> int:
        beside = asyncio.create_task(others())
        body = gzip.compress(b"\0" * 4 * MB)
        parts = [part async for part in unzipped(in_pieces(body, len(body)), "gzip", 8 * MB)]
        beside.cancel()
        return len(parts)

    parts = asyncio.run(unzip())

    assert turns >= parts >= 4 * MB // CHUNK
