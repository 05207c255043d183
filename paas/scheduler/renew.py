"""Keeps a lease while a step takes: an engine may take longer over one call than a lease is long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from paas.store.leases import LEASE_SECONDS, Lease, Leases


@contextmanager
def renewed(lease: Lease, leases: Leases) -> Iterator[None]:
    """Inside, the lease is renewed three times as often as it needs to be."""
    is_over = threading.Event()

    def renew() -> None:
        while not is_over.wait(LEASE_SECONDS / 3):
            leases.renew(lease, time.time())

    renewing = threading.Thread(target=renew, name="lease", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        is_over.set()
        renewing.join()
