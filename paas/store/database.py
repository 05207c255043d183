"""The record's database: SQLite in the folder, one writer at a time.

A read that turns into a write inside a deferred transaction fails at once on SQLite, so every transaction that writes
begins with BEGIN IMMEDIATE. A transaction joins the one its thread has already begun, so that a story can make several
stores' writes one. No transaction stays open across a call to anything outside.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, MetaData, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from paas.errors import Unavailable

METADATA = MetaData()
BUSY_SECONDS = 5


class RecordUnavailable(Unavailable):
    def __init__(self, why: str) -> None:
        super().__init__(f"The record cannot be used: {why}. See: paas doctor")


class Database:
    """Connections are made on first use, so it may be made before a fork but not used before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            pool_size=20,
            max_overflow=40,
        )
        event.listen(self.engine, "connect", _prepare)
        self._mine = threading.local()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view: every statement inside sees the same moment."""
        joined: Connection | None = getattr(self._mine, "writing", None)
        joined = joined or getattr(self._mine, "reading", None)
        if joined is not None:
            yield joined
            return
        with self._connection("BEGIN") as connection:
            self._mine.reading = connection
            try:
                yield connection
            finally:
                self._mine.reading = None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing; on disk when it returns. Raises RecordUnavailable when it cannot be had within 5 s."""
        joined: Connection | None = getattr(self._mine, "writing", None)
        if joined is not None:
            yield joined
            return
        with self._connection("BEGIN IMMEDIATE") as connection:
            self._mine.writing = connection
            try:
                yield connection
            finally:
                self._mine.writing = None

    @contextmanager
    def _connection(self, begin: str) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                connection.exec_driver_sql(begin)
                try:
                    yield connection
                except BaseException:
                    connection.exec_driver_sql("ROLLBACK")
                    raise
                connection.exec_driver_sql("COMMIT")
        except OperationalError as error:
            raise RecordUnavailable(str(error.orig)) from error

    def close(self) -> None:
        self.engine.dispose()


def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # BEGIN is ours
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
