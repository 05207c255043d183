"""What every test may ask for: a private Redis, and the folder of a platform with an empty record."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from redis import Redis

from paas.model.person import PersonName
from paas.settings import Settings, new_platform_id
from paas.store.cipher import Cipher
from paas.store.database import METADATA, Database
from paas.store.migrate import TABLES
from paas.wiring import Platform, connect
from tests.engine import MemoryEngine, World
from tests.eventually import eventually
from tests.make import NOW, make_host

HERE = Path(__file__).parent
NEED_AN_ENGINE = frozenset({"install", "integration", "multihost", "browser"})
"""Folders whose every test does."""


# How long a machine takes for an example is its own affair.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")
# Whoever runs the tests in the background has this signal ignored, and what the tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
MEMORY = Path("/dev/shm")
"""Where nothing waits for a disk: what must survive a power failure is not a unit test's affair."""


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
    directory = Path(tempfile.mkdtemp(prefix="paas-", dir=MEMORY))
    settings = Settings(directory=directory, platform=new_platform_id())
    for folder in (settings.record.parent, settings.keys, settings.redis_socket.parent):
        folder.mkdir(parents=True)
    Cipher.make_key(settings.keys / "config.key")
    yield settings
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def empty_record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With all tables."""
    assert TABLES
    database = Database(tmp_path_factory.mktemp("record") / "paas.db")
    METADATA.create_all(database.engine)
    database.close()
    return database.path


@pytest.fixture
def record(settings: Settings, empty_record: Path) -> Iterator[Database]:
    shutil.copyfile(empty_record, settings.record)
    database = Database(settings.record)
    yield database
    database.close()


@pytest.fixture
def platform(settings: Settings, record: Database, redis_server: Path) -> Iterator[Platform]:
    """On the memory's engine: one host, one router, the person ana."""
    settings.redis_socket.symlink_to(redis_server)
    platform = connect(settings, MemoryEngine(settings.platform, World()))
    platform.hosts.add(make_host())
    platform.routers.add("local", NOW)
    platform.people.add(PersonName("ana"), NOW, is_admin=False)
    yield platform
    platform.redis.close()
    platform.record.close()
    platform.threads.shutdown()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--skip-nothing", action="store_true", help="A test that skips has failed.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parts = set(item.path.relative_to(HERE).parts)
        if NEED_AN_ENGINE & parts:
            item.add_marker(pytest.mark.docker)
        if "multihost" in parts:  # an engine for each host is enough for two cores
            item.add_marker(pytest.mark.alone)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    is_asked = session.config.getoption("skip_nothing") and reporter is not None
    if is_asked and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if terminalreporter.config.getoption("skip_nothing") and skipped:
        terminalreporter.section("skipped, which is not allowed here")
        for report in skipped:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr[2]}")
