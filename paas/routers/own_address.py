"""Where the routers on other machines reach what runs on the platform's own."""

from collections.abc import Callable

from paas.model.host import LOCAL
from paas.store.hosts import HostStore
from paas.store.routers import RouterStore
from paas.subnet import address_towards


def note_own_address(
    hosts: HostStore, routers: RouterStore, seen_from: Callable[[str], str] = address_towards
) -> None:
    """`local` has an address as long as a router elsewhere is registered. It stays while there is no way to any."""
    addresses = routers.addresses()
    seen = None
    for address in addresses:
        try:
            seen = seen_from(address)
            break
        except OSError:
            continue
    if (seen is not None or not addresses) and hosts.get(LOCAL).address != seen:
        hosts.note(LOCAL, address=seen)
