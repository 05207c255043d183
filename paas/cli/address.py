"""Where an API answers, and how to open a connection to it."""

import re
import socket
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Self

from paas.errors import Invalid, Unavailable

CONNECT_SECONDS = 10.0
RESTART_SECONDS = 5.0
"""How long nobody may listen where the API listened a moment ago."""
AGAIN_SECONDS = 0.1
DEFAULT_URL = "http://127.0.0.1:5000"
TCP = r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?(?P<path>(/[\w.~-]*)*)"


class InvalidUrl(Invalid):
    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text[:200]!r} cannot be the API's address: {why}")


class Unreachable(Unavailable):
    def __init__(self, url: str, why: str) -> None:
        super().__init__(
            f"The platform does not answer at {url}: {why}. Look there: paasd status; or: paas login URL"
        )


@dataclass(frozen=True, slots=True)
class Address:
    """Of one API: TCP, TLS or a unix socket. A token never goes in clear text to another machine."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    """The socket's, for `unix`; else what stands before every path of the API, mostly nothing."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`http://127.0.0.1:5000`, `https://api.example.com`, `unix:///run/api.sock` or `/run/api.sock`."""
        if text.startswith("/"):
            text = f"unix://{text}"
        if text.startswith("unix:///"):
            return cls(text, "unix", "localhost", 0, text.removeprefix("unix://"))
        found = re.fullmatch(TCP, text, re.ASCII | re.IGNORECASE)
        if found is None or int(found["port"] or 1) not in range(1, 65536):
            raise InvalidUrl(text, "it is https://HOST, http://HOST:PORT or unix:///PATH")
        scheme, host = found["scheme"].lower(), found["host"].strip("[]").lower()
        if scheme == "http" and not is_loopback(host):
            raise InvalidUrl(
                text,
                f"a token would go there in clear text. Type: ssh -N -L 5000:127.0.0.1:5000 {host}"
                f" and beside it: paas login {DEFAULT_URL}",
            )
        port = int(found["port"] or (443 if scheme == "https" else 80))
        return cls(text, scheme, host, port, (found["path"] or "").rstrip("/"))

    @property
    def is_local(self) -> bool:
        """Only programs of this machine reach it."""
        return self.scheme == "unix" or is_loopback(self.host)

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        if self.scheme == "unix":
            return self.host
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{name}:{self.port}"

    @property
    def prefix(self) -> str:
        return "" if self.scheme == "unix" else self.path

    def connect(self) -> socket.socket:
        """An API of this machine that is being restarted is waited for. Raises Unreachable after 10 s at the latest."""
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                return self._connect()
            except ConnectionRefusedError as error:
                if not self.is_local or time.monotonic() > deadline:
                    raise Unreachable(self.url, error.strerror or str(error)) from None
            except OSError as error:
                raise Unreachable(self.url, error.strerror or str(error)) from None
            time.sleep(AGAIN_SECONDS)

    def _connect(self) -> socket.socket:
        if self.scheme == "unix":
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(CONNECT_SECONDS)
            sock.connect(self.path)
            return sock
        sock = socket.create_connection((self.host, self.port), CONNECT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.scheme == "https":
            wrapped: socket.socket = import_module("paas.cli.tls").wrap(sock, self.host)
            return wrapped
        return sock


def is_loopback(host: str) -> bool:
    is_address = re.fullmatch(r"127(\.\d{1,3}){3}|::1", host, re.ASCII)
    return is_address is not None or host == "localhost" or host.endswith(".localhost")
