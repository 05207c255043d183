"""A WebSocket at any path sends back each message it gets; a plain GET is told so. Standard library only."""

import asyncio
import base64
import hashlib
import os
import signal
import socket

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE, PING, PONG = 8, 9, 10


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await answer(reader, writer):
            pass
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request; True while the connection may carry another."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    headers = {name.lower(): value.strip() for name, _, value in fields}
    key = headers.get(b"sec-websocket-key")
    if key is None:
        body = f"{socket.gethostname()} speaks WebSocket\n".encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        return True
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept
    )
    await echo(reader, writer)
    return False


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Frame by frame, so that a message in fragments comes back in the same fragments."""
    while True:
        first, second = await reader.readexactly(2)
        length = second & 0x7F
        if length >= 126:
            length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
        mask = await reader.readexactly(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(length)))
        opcode = first & 0x0F
        if opcode != PONG:
            writer.write(frame(first & 0xF0 | (PONG if opcode == PING else opcode), data))
            await writer.drain()
        if opcode == CLOSE:
            return


def frame(first: int, data: bytes) -> bytes:
    size = len(data)
    if size < 126:
        return bytes([first, size]) + data
    if size < 65536:
        return bytes([first, 126]) + size.to_bytes(2) + data
    return bytes([first, 127]) + size.to_bytes(8) + data


async def main() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = await asyncio.start_server(serve, "0.0.0.0", int(os.environ["PORT"]), backlog=128)
    await stopped.wait()
    server.close()


asyncio.run(main())
