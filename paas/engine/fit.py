"""What registration must know of a host before anything is changed there. `look.py` does the looking."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from paas.engine.tunnels import addresses, public_key
from paas.errors import Failed
from paas.model.ssh_url import SshUrl
from paas.settings import Settings

LOOK_SECONDS = 90.0
"""More than all the deadlines of a look together, in the worst case that is not a bug."""
NOT_FIT: Mapping[str, str] = {
    "unreachable": "{user}@{address}:{port} cannot be reached: {why}. Try: ssh -p {port} {user}@{address}",
    "host key": "{address}:{port} has the host key {why}, not {expected}. If that is right there "
    "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), name it: --host-key SHA256:...",
    "login": "{user}@{address} does not let the platform in: {why}. Add to ~{user}/.ssh/authorized_keys there: {key}",
    "forwarding": "sshd on {address} carries no sockets (in its sshd_config: {why} yes), "
    "or nothing listens on {socket}. There: docker version",
    "port": "Port {why} of 127.0.0.1 on {address} cannot be had for the registry. There: ss -ltn; "
    "and in its sshd_config: AllowTcpForwarding yes",
    "no socket": "{address} has no socket {socket}{why}. Name the engine's: ssh://...?socket=PATH",
    "not allowed": "{user} may not use {socket} on {address}. There: usermod -aG {why} {user}",
    "engine": "{socket} on {address}: {why}. There: docker version",
}
"""Kind of what is wrong -> the sentence."""


class HostNotFit(Failed):
    """Containers cannot be run there: one line with the cause and the next command."""

    def __init__(self, kind: str, **said: object) -> None:
        self.kind = kind
        super().__init__(" ".join(NOT_FIT[kind].format(**said).split()))


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at a host showed."""

    host_key: str
    """`KIND BASE64`, to be pinned."""
    fingerprint: str
    """Of it: `SHA256:...`."""
    arch: str
    user: str
    address: str
    """In numbers."""


def look(url: SshUrl, settings: Settings, expected_key: str | None) -> Found:
    """Logs in by ssh and asks the engine what it is; changes nothing there.

    `expected_key`: as in Found, or its fingerprint; None: whichever it has. Raises HostNotFit.
    """
    line = public_key(settings)
    question = {
        "user": url.user,
        "address": url.address,
        "port": url.port,
        "socket": url.socket,
        "key_file": str(settings.hosts_key),
        "host_key": expected_key,
        "carried_port": settings.registry_port,
        "carried_to": list(addresses(settings)),
        "platform": settings.platform,
    }
    argv = [sys.executable, "-I", "-m", "paas.engine.look"]
    said = {**question, "key": line, "expected": expected_key}
    try:
        asked = subprocess.run(
            argv,
            input=json.dumps(question).encode(),
            capture_output=True,
            check=True,
            timeout=LOOK_SECONDS,
        )
        answer = json.loads(asked.stdout)
    except subprocess.TimeoutExpired:
        raise HostNotFit("unreachable", **said, why="it takes too long") from None
    if wrong := answer.get("not_fit"):
        raise HostNotFit(wrong["kind"], **said, why=wrong["why"])
    return Found(**answer["found"])
