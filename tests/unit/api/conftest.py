"""The API as a client sees it: over its sockets, with a real record and a real Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.settings import Settings
from paas.store.database import Database
from tests.unit.api.served import Served, serving


@pytest.fixture
def served(settings: Settings, record: Database, redis_server: Path) -> Iterator[Served]:
    settings.redis_socket.symlink_to(redis_server)
    with serving(settings) as served:
        yield served


@pytest.fixture
def without_redis(settings: Settings, record: Database) -> Iterator[Served]:
    """Nobody answers on Redis's socket."""
    with serving(settings) as served:
        yield served
