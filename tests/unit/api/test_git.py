"""What the API carries to the door, and when it has waited long enough."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.types import Message

from paas.api.git import DoorSilent, connected, feed
from paas.api.git_body import BodySilent, BodySlow, gathered, pieces
from paas.git.exchange import COMMANDS_LIMIT, TooManyRefs, peek
from paas.git.packets import Changes, packet

ELSEWHERE = 212_992
"""What most kernels let a socket ask for."""


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def test_too_many_refs_are_seen_however_small_the_pieces_and_the_socket() -> None:
    command = packet(f"{'0' * 40} {'1' * 40} refs/tags/one-of-many".encode())
    body = command * (COMMANDS_LIMIT // len(command) + 300)
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ELSEWHERE // 2)  # it is doubled
    theirs.setblocking(False)

    async def push() -> None:
        feeding = asyncio.create_task(feed(in_pieces(body, 20), theirs))
        try:
            with pytest.raises(TooManyRefs):
                await asyncio.to_thread(peek, ours, Changes.read, 5.0)
        finally:
            feeding.cancel()

    with ours, theirs:
        asyncio.run(push())


@pytest.mark.parametrize("size", [1, 5000, 100_000])
def test_a_body_is_gathered_to_large_pieces_and_is_the_same(size: int) -> None:
    body = bytes(range(256)) * 1000

    async def collect() -> list[bytes]:
        return [piece async for piece in gathered(in_pieces(body, size))]

    got = asyncio.run(collect())

    assert b"".join(got) == body
    assert all(len(piece) >= 16 * 1024 for piece in got[:-1])


async def drip() -> Message:
    await asyncio.sleep(0.02)
    return {"type": "http.request", "body": b"x", "more_body": True}


async def nothing() -> Message:
    await asyncio.sleep(10)
    raise AssertionError


def test_a_client_that_says_nothing_more_or_never_comes_to_its_end_is_not_waited_for() -> None:
    async def read(receive: object, silence: float, whole: float) -> None:
        async for _ in pieces(receive, silence, whole):  # type: ignore[arg-type]
            pass

    with pytest.raises(BodySilent):
        asyncio.run(read(nothing, 0.05, 10))
    with pytest.raises(BodySlow):
        asyncio.run(read(drip, 1, 0.2))


def test_a_client_that_is_not_read_from_for_long_is_not_to_blame() -> None:
    async def read() -> int:
        count = 0
        async for _ in pieces(drip, 1, 0.5):
            count += 1
            await asyncio.sleep(0.3)
            if count == 3:
                break
        return count

    assert asyncio.run(read()) == 3


def test_a_door_that_is_not_there_is_waited_for_and_then_named(tmp_path: Path) -> None:
    with pytest.raises(DoorSilent, match="No such file or directory"):
        asyncio.run(connected(tmp_path / "git.sock", 0.2))


def test_a_door_that_comes_back_in_time_is_found(tmp_path: Path) -> None:
    async def come() -> None:
        seeking = asyncio.create_task(connected(tmp_path / "git.sock", 5))
        await asyncio.sleep(0.2)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(tmp_path / "git.sock"))
            listening.listen()
            (await seeking).close()

    asyncio.run(come())
