"""Where another machine is, and what its key is: `ssh://USER@ADDRESS[:PORT][?socket=PATH]`."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Self

from paas.errors import Invalid

SSH_PORT = 22
SOCKET = "/var/run/docker.sock"
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
_FORM = re.compile(
    r"ssh://(?P<user>[a-z_][a-z0-9_.-]{0,31})@"
    r"(?P<address>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?/?"
    r"(?:\?socket=(?P<socket>/[A-Za-z0-9_./+-]{1,99}))?",
    re.ASCII,
)


class InvalidSshUrl(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:120]!r} does not say where a host is. Give ssh://USER@ADDRESS[:PORT][?socket=PATH], "
            "such as ssh://deploy@10.0.0.2"
        )


class InvalidHostKey(Invalid):
    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} is not the fingerprint of a host key (SHA256:...). Nothing was changed. "
            "On that machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"
        )


def check_fingerprint(text: str) -> None:
    """Raises InvalidHostKey."""
    if not _FINGERPRINT.fullmatch(text):
        raise InvalidHostKey(text)


@dataclass(frozen=True, slots=True)
class SshUrl:
    """Each part fits an argument of ssh's, so nobody has to quote it."""

    user: str
    address: str
    """An IPv4 address, or a name."""
    port: int = SSH_PORT
    socket: str = SOCKET
    """Of the engine there."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidSshUrl."""
        found = _FORM.fullmatch(text)
        port = SSH_PORT if found is None else int(found["port"] or SSH_PORT)
        socket = SOCKET if found is None else found["socket"] or SOCKET
        if found is None or port > 65535 or ".." in PurePosixPath(socket).parts:
            raise InvalidSshUrl(text)
        return cls(found["user"], found["address"].lower(), port, socket)

    def __str__(self) -> str:
        port = "" if self.port == SSH_PORT else f":{self.port}"
        socket = "" if self.socket == SOCKET else f"?socket={self.socket}"
        return f"ssh://{self.user}@{self.address}{port}{socket}"
