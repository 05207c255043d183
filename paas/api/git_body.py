"""The body of a push or a fetch, as it comes: how long it may take, and in which pieces the door gets it."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from paas.errors import Unavailable

SILENCE_SECONDS = 60.0
"""How long a client may take for the next piece."""
BODY_SECONDS = 3600.0
"""How long it may be waited for in all. What waits for its push's turn does not count."""
LEAST = 16 * 1024


class BodySilent(Unavailable):
    def __init__(self, seconds: float) -> None:
        super().__init__(f"Nothing more came for {seconds:.0f} s. Nothing was changed.")


class BodySlow(Unavailable):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"After {seconds:.0f} s there is more to come, and that is the most. Nothing was changed."
        )


async def pieces(
    receive: Receive, silence: float = SILENCE_SECONDS, whole: float = BODY_SECONDS
) -> AsyncIterator[bytes]:
    """In seconds. Raises ClientDisconnect, BodySilent, BodySlow."""
    loop = asyncio.get_running_loop()
    waited, more = 0.0, True
    while more:
        begun = loop.time()
        try:
            async with asyncio.timeout(silence):
                message: Message = await receive()
        except TimeoutError:
            raise BodySilent(silence) from None
        waited += loop.time() - begun
        if waited > whole:
            raise BodySlow(whole)
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def gathered(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """In pieces of at least so many bytes, but for the last.

    The kernel charges each piece that waits in a socket with up to a thousand bytes more than it has, and the door
    wants to see many before it takes one.
    """
    held = bytearray()
    async for piece in body:
        held += piece
        if len(held) >= LEAST:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
