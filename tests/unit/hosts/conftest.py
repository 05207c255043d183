"""A platform whose engine knows two machines; the second is yet to be registered."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paas.engine.engine import HostFacts, SubnetTaken
from paas.settings import Settings
from paas.store.database import Database
from paas.wiring import Platform, connect
from tests.engine import MemoryEngine, World, make_image
from tests.make import make_host
from tests.unit.hosts.way import Way


class TwoEngines(MemoryEngine):
    """Of h2 it tells what a test wants."""

    def __init__(self, platform: str, world: World) -> None:
        super().__init__(platform, world)
        self.told: dict[str, Any] = {}
        """Fields of its facts."""
        self.taken: frozenset[str] = frozenset()
        """Subnets that something else has."""
        self.cleared: list[str] = []

    def facts(self, host: str) -> HostFacts:
        return replace(super().facts(host), **(self.told if host == "h2" else {}))

    def prepare(self, host: str, subnet: str) -> None:
        super().prepare(host, subnet)
        if subnet in self.taken:
            raise SubnetTaken(host, subnet)

    def clear(self, host: str) -> None:
        super().clear(host)
        self.cleared.append(host)


@pytest.fixture
def engine(settings: Settings) -> TwoEngines:
    world = World("local", "h2")
    world.machines["local"].images["stack"] = make_image("stack", settings.stack_run)
    return TwoEngines(settings.platform, world)


@pytest.fixture
def platform(
    settings: Settings, record: Database, redis_server: Path, engine: TwoEngines
) -> Iterator[Platform]:
    settings.redis_socket.symlink_to(redis_server)
    platform = connect(settings, engine)
    platform.hosts.add(make_host())
    yield platform
    platform.redis.close()
    platform.record.close()
    platform.threads.shutdown()


@pytest.fixture
def way() -> Way:
    return Way()
