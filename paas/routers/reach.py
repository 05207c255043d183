"""How a router elsewhere is reached: a look at its machine by ssh, and the tunnel that carries the table there."""

from collections.abc import Callable
from dataclasses import dataclass

from paas.engine.fit import Found, look_at_router
from paas.engine.router_tunnels import close_tunnel, note_router, open_tunnel
from paas.model.router import RegisteredRouter
from paas.model.ssh_url import SshUrl
from paas.settings import Settings
from paas.subnet import address_towards


@dataclass(frozen=True, slots=True)
class Reach:
    """What registration and removal do beside the engines' verbs. A test without sshd has others."""

    look: Callable[[SshUrl, Settings, str | None], Found] = look_at_router
    note: Callable[[RegisteredRouter, Settings], None] = note_router
    open: Callable[[RegisteredRouter, Settings], None] = open_tunnel
    close: Callable[[str, Settings], None] = close_tunnel
    seen_from: Callable[[str], str] = address_towards
