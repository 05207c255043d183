"""way_out.py MEGABYTES SETTING SECONDS NETWORKS COMMAND...: runs COMMAND, with a proxy that is its only way out.

In a container of the build image, on its Python, standard library only. The proxy takes CONNECT and leads to public
addresses and to NETWORKS (one word, commas between), whatever a name or a redirect says: it connects to the very
address that it looked at. More than MEGABYTES to COMMAND (SETTING says so), or SECONDS, and all is over. What was
refused is said on stdout. The exit code is that of COMMAND.
"""

import asyncio
import base64
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import unquote, urlsplit

HEAD_LIMIT = 16 * 1024
CONNECT_SECONDS = 15.0
CHUNK = 65536
SETTING = "setting fetch_networks"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network


class NotAllowed(Exception):
    """The message says why."""


class WayOut:
    def __init__(
        self, limit: int, setting: str, networks: Sequence[Network], upstream: str
    ) -> None:
        self._limit, self._left, self._setting = limit, limit, setting
        self._networks = networks
        self._upstream = urlsplit(upstream) if upstream else None
        self.is_over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end or to that of COMMAND."""
        with suppress(asyncio.CancelledError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            host, port = await _asked(reader)
            there, back = await self._connect(host, port)
        except NotAllowed as error:
            say(str(error))
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        except (OSError, ValueError, asyncio.IncompleteReadError, TimeoutError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(self._carry(reader, back), self._count(there, writer))
            back.close()
        with suppress(OSError):
            await writer.drain()
        writer.close()

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises NotAllowed or OSError."""
        addresses = await _addresses(host)
        for address in addresses:
            self._check(host, address)
        if not addresses and self._upstream is None:
            raise OSError(f"there is no host {host}")  # or no name server: what is kept may serve
        is_near = any(address in network for address in addresses for network in self._networks)
        if self._upstream is None or is_near:
            return await _open(str(addresses[0]), port)
        return await self._through(self._upstream.hostname or "", host, port)

    def _check(self, host: str, address: Address) -> None:
        if any(address in network for network in self._networks):
            return
        if not address.is_global or address.is_multicast:
            raise NotAllowed(f"{host} is at {address}, which is no public address ({SETTING})")

    async def _through(
        self, proxy: str, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The operator's own proxy, which may know names that nobody here does."""
        assert self._upstream is not None
        reader, writer = await _open(proxy, self._upstream.port or 80)
        head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        if self._upstream.username:
            given = f"{unquote(self._upstream.username)}:{unquote(self._upstream.password or '')}"
            head += f"Proxy-Authorization: Basic {base64.b64encode(given.encode()).decode()}\r\n"
        writer.write(f"{head}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200" not in answer.split(b"\r\n")[0]:
            raise OSError("the proxy refused")
        return reader, writer

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    async def _count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self._left -= len(data)
                if self._left < 0:
                    say(f"more than {self._limit >> 20} MB were sent (setting {self._setting})")
                    self.is_over.set()
                    return
                writer.write(data)
                await writer.drain()
            writer.write_eof()


async def _asked(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Of `CONNECT HOST:PORT HTTP/1.1`."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), CONNECT_SECONDS)
    verb, place, _ = head.decode("latin-1").split("\r\n")[0].split(" ")
    if verb != "CONNECT":
        raise NotAllowed("only https leads out")
    host, _, port = place.rpartition(":")
    return host, int(port)


async def _addresses(host: str) -> Sequence[Address]:
    """None: nobody here knows the name. Those of version 4 come first."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), None, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError):
        return []
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    return sorted(addresses, key=lambda address: address.version)


async def _open(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection(host, port), CONNECT_SECONDS)


def say(text: str) -> None:
    print(f"refused: {text}", flush=True)  # noqa: T201 - whoever runs this reads it


async def run(
    limit: int, setting: str, seconds: float, networks: Sequence[Network], command: Sequence[str]
) -> int:
    """The exit code of `command`."""
    way = WayOut(limit, setting, networks, os.environ.get("https_proxy", ""))
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
    port = server.sockets[0].getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_proxy")}
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**kept, "https_proxy": f"http://127.0.0.1:{port}"},
        start_new_session=True,
    )
    ended, over = asyncio.ensure_future(process.wait()), asyncio.ensure_future(way.is_over.wait())
    done, _ = await asyncio.wait(
        (ended, over), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
    )
    if not done:
        say(f"it took longer than {seconds:.0f} s")
    if ended not in done:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    over.cancel()
    return await ended


if __name__ == "__main__":
    megabytes, named, given_seconds, words, *argv = sys.argv[1:]
    allowed = [ipaddress.IPv4Network(word) for word in words.split(",") if word]
    size, seconds = int(megabytes) << 20, float(given_seconds)
    sys.exit(asyncio.run(run(size, named, seconds, allowed, argv)) and 1)
