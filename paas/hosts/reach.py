"""How a host elsewhere is reached: a look at it by ssh, and the tunnel to its engine, a program of the supervisor's."""

from collections.abc import Callable
from dataclasses import dataclass

from paas.model.host import Host
from paas.model.ssh_url import SshUrl
from paas.settings import Settings

PREFIX = "tunnel-"


def tunnel_program(host: str) -> str:
    """What the supervisor calls it."""
    return f"{PREFIX}{host}"


@dataclass(frozen=True, slots=True)
class Found:
    host_key: str
    fingerprint: str
    arch: str
    user: str
    address: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What registration and removal do beside the engine's own verbs. A test without sshd has others."""

    look: Callable[[SshUrl, Settings, str | None], Found]
    open: Callable[[Host, Settings], None]
    close: Callable[[str, Settings], None]
    answer_seconds: float = 20.0
    """How long it may take until an engine answers through a new tunnel."""
