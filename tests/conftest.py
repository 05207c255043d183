"""What every test may ask for: a private Redis, and the folder of a platform with an empty record."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from paas.settings import Settings, new_platform_id
from paas.store.cipher import Cipher
from paas.store.database import METADATA, Database
from paas.store.migrate import TABLES
from tests.eventually import eventually


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    """A Redis of this test run alone, ended by its process id."""
    with tempfile.TemporaryDirectory(prefix="paas-redis-") as folder:
        path = Path(folder) / "redis.sock"
        user = ["paas", "on", "nopass", "~*", "&*", "+@all"]
        command = ["redis-server", "--port", "0", "--unixsocket", f"{path}", "--dir", folder]
        server = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no", "--user", *user],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(path.exists)
            yield path
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def redis_server(redis_socket: Path) -> Iterator[Path]:
    """Its socket; it is empty."""
    with Redis(unix_socket_path=str(redis_socket)) as redis:
        redis.flushall()
    yield redis_socket


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Of a platform in a folder with a short name, for the sockets in it."""
    directory = Path(tempfile.mkdtemp(prefix="paas-"))
    settings = Settings(directory=directory, platform=new_platform_id())
    for folder in (settings.record.parent, settings.keys, settings.redis_socket.parent):
        folder.mkdir(parents=True)
    Cipher.make_key(settings.keys / "config.key")
    yield settings
    shutil.rmtree(directory)


@pytest.fixture
def record(settings: Settings) -> Iterator[Database]:
    """Empty, with all tables."""
    assert TABLES
    database = Database(settings.record)
    METADATA.create_all(database.engine)
    yield database
    database.close()
