"""Connects to a host, for ssh: `python -I -S dial.py ADDRESS PORT SOURCE`, with ssh's option ProxyUseFdpass.

When a cut network heals, the host's sshd still has the session from before, and with it the port that the registry is
carried back to; for up to two hours, for it has nothing to send and so learns nothing. Hence every connection to a host
comes from the same SOURCE port: to open it anew tells the host's kernel at once that the one from before is gone, also
when that was of a registration that is long forgotten here. It is closed by a reset, so that nothing of it stays here,
and keeps the port, while the network is cut.

A script by itself, and gone when ssh has the connection.
"""

import errno
import socket
import struct
import sys
import time
import zlib

CONNECT_SECONDS = 10.0
PAUSE_SECONDS = 2.0
"""Before a failure is told. The supervisor waits longer and longer after what ends within a second, and the host may
only be booting."""
SOURCES = range(61_001, 65_000)
"""Ports that connections come from; the kernel gives them to nobody."""
IN_USE = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)


def source_port(platform: str, address: str) -> int:
    """From where the platform connects to the sshd at that address."""
    return SOURCES[zlib.crc32(f"{platform} {address}".encode()) % len(SOURCES)]


def connect(address: str, port: int, source: int) -> socket.socket:
    """From another port when that one is in use: by a tunnel that is well. Raises OSError."""
    try:
        return _connect(address, port, source)
    except OSError as error:
        if error.errno not in IN_USE:
            raise
    return _connect(address, port, 0)


def _connect(address: str, port: int, source: int) -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.settimeout(CONNECT_SECONDS)
    try:
        connection.bind(("0.0.0.0", source))
        connection.connect((address, port))
    except OSError:
        connection.close()
        raise
    connection.settimeout(None)
    return connection


def main() -> None:
    address, port, source = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    try:
        connection = connect(address, port, source)
    except OSError as error:
        print(f"{address}:{port}: {error}", file=sys.stderr)  # noqa: T201 - ssh's log is where this is read
        time.sleep(PAUSE_SECONDS)
        sys.exit(1)
    with socket.socket(fileno=1) as ssh:
        socket.send_fds(ssh, [b"\0"], [connection.fileno()])


if __name__ == "__main__":
    main()
