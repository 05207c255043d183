"""How a router elsewhere is reached: a look at its machine by ssh, and the tunnel that carries the table there."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

from paas.engine.fit import Found, look_at_router
from paas.engine.router_tunnels import close_tunnel, note_router, open_tunnel
from paas.model.router import RegisteredRouter
from paas.model.ssh_url import SshUrl
from paas.settings import Settings
from paas.subnet import address_towards

CONNECT_SECONDS = 1.0


def takes_connections(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), CONNECT_SECONDS):
            return True
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Reach:
    """What registration and removal do beside the engines' verbs. A test without sshd has others."""

    look: Callable[[SshUrl, Settings, str | None], Found] = look_at_router
    note: Callable[[RegisteredRouter, Settings], None] = note_router
    open: Callable[[RegisteredRouter, Settings], None] = open_tunnel
    close: Callable[[str, Settings], None] = close_tunnel
    seen_from: Callable[[str], str] = address_towards
    serves: Callable[[str, int], bool] = takes_connections
