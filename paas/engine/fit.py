"""What registration must know of a host before anything is changed there. `look.py` does the looking."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from paas.engine.router_tunnels import is_open, known_routers, router_source
from paas.engine.ssh import public_key
from paas.engine.tunnels import addresses
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
    "table port": "Port {why} of 127.0.0.1 on {address} cannot be had for the route table. There: ss -ltn; "
    "and in its sshd_config: AllowTcpForwarding yes. For another port: table_port in settings.toml, then paasd upgrade",
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
    question = {
        **_question(url, settings, expected_key),
        "socket": url.socket,
        "carried_port": settings.registry_port,
        "carried_to": list(addresses(settings)),
        "source": settings.platform,
    }
    return _look(question)


def look_at_router(url: SshUrl, settings: Settings, expected_key: str | None) -> Found:
    """As `look`, at a machine that need have no engine. Raises HostNotFit."""
    routers = known_routers(settings)
    question = {
        **_question(url, settings, expected_key),
        "socket": "",
        "carried_port": settings.table_port,
        "carried_to": [routers[name] for name in routers if is_open(name, settings)],
        "source": router_source(settings.platform),
    }
    return _look(question, {"port": "table port"})


def _question(url: SshUrl, settings: Settings, expected_key: str | None) -> dict[str, object]:
    return {
        "user": url.user,
        "address": url.address,
        "port": url.port,
        "key_file": str(settings.hosts_key),
        "host_key": expected_key,
        "key": public_key(settings),
    }


def _look(asked: Mapping[str, object], kinds: Mapping[str, str] = MappingProxyType({})) -> Found:
    """`kinds`: what is told as something else."""
    question = {name: value for name, value in asked.items() if name != "key"}
    said = {**asked, "expected": asked["host_key"]}
    argv = [sys.executable, "-I", "-m", "paas.engine.look"]
    try:
        told = subprocess.run(
            argv,
            input=json.dumps(question).encode(),
            capture_output=True,
            check=True,
            timeout=LOOK_SECONDS,
        )
        answer = json.loads(told.stdout)
    except subprocess.TimeoutExpired:
        raise HostNotFit("unreachable", **said, why="it takes too long") from None
    if wrong := answer.get("not_fit"):
        kind = wrong["kind"]
        raise HostNotFit(kinds.get(kind, kind), **said, why=wrong["why"])
    return Found(**answer["found"])
