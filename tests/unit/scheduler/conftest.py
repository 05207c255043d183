"""A stage: a platform on the memory's engine with one app."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from paas.settings import Settings
from paas.store.database import Database
from tests.unit.scheduler.stage import Stage


@pytest.fixture
def stage(settings: Settings, record: Database, redis_server: Path) -> Iterator[Stage]:
    """One host."""
    settings.redis_socket.symlink_to(redis_server)
    stage = Stage.set_up(settings)
    yield stage
    stage.platform.record.close()
    stage.platform.threads.shutdown()


@pytest.fixture
def wide_stage(settings: Settings, record: Database, redis_server: Path) -> Iterator[Stage]:
    """Three hosts."""
    settings.redis_socket.symlink_to(redis_server)
    stage = Stage.set_up(settings, "h1", "h2", "h3")
    yield stage
    stage.platform.record.close()
    stage.platform.threads.shutdown()
