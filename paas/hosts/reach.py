"""How a host elsewhere is reached: a look at it by ssh, and the tunnel to its engine, a program of the supervisor's."""

from collections.abc import Callable
from dataclasses import dataclass

from paas.engine.fit import Found, look
from paas.engine.registry import Registry
from paas.engine.tunnels import close_tunnel, open_tunnel
from paas.model.host import Host
from paas.model.ssh_url import SshUrl
from paas.settings import Settings


def check_registry(settings: Settings) -> None:
    """Raises RegistrySilent."""
    Registry.of(settings).check()


@dataclass(frozen=True, slots=True)
class Reach:
    """What registration and removal do beside the engine's own verbs. A test without sshd has others."""

    look: Callable[[SshUrl, Settings, str | None], Found] = look
    open: Callable[[Host, Settings], None] = open_tunnel
    close: Callable[[str, Settings], None] = close_tunnel
    check_registry: Callable[[Settings], None] = check_registry
    answer_seconds: float = 20.0
    """How long it may take until an engine answers through a new tunnel, and the registry that was just started."""
