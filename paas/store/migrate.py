"""Brings the record to this program's version. Imported only where that is needed: Alembic is slow to import."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from paas.errors import Conflict, Failed
from paas.store import (
    apps,
    build_configs,
    buildpacks,
    builds,
    containers,
    deploys,
    domains,
    formations,
    hosts,
    people,
    releases,
    routers,
)

TABLES = (
    apps,
    build_configs,
    buildpacks,
    builds,
    containers,
    deploys,
    domains,
    formations,
    hosts,
    people,
    releases,
    routers,
)
"""The modules that own tables: imported, so that METADATA is complete."""
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30


class RecordTooNew(Conflict):
    def __init__(self, path: Path, found: str, newest: str) -> None:
        super().__init__(
            f"The record {path} is at version {found}; this program knows versions up to {newest}. A newer program "
            "made it: run that one, or restore a backup from before it."
        )


class MigrationFailed(Failed):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"The record {path} could not be migrated and is as it was: {why}. Free the disk or end what holds "
            "the record, then try again."
        )


def version(path: Path) -> str | None:
    """Of the record at `path`; None when there is none or nothing is in it."""
    if not path.exists():
        return None
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        held = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
        if held.fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def newest(steps: Path = MIGRATIONS) -> str:
    """The version this program brings a record to."""
    head = ScriptDirectory(str(steps)).get_current_head()
    assert head is not None
    return head


def refuse_newer(path: Path, steps: Path = MIGRATIONS) -> None:
    """Raises RecordTooNew."""
    found = version(path)
    known = {step.revision for step in ScriptDirectory(str(steps)).walk_revisions()}
    if found is not None and found not in known:
        raise RecordTooNew(path, found, newest(steps))


def is_behind(path: Path, steps: Path = MIGRATIONS) -> bool:
    """There is something to migrate. Raises RecordTooNew."""
    refuse_newer(path, steps)
    return version(path) != newest(steps)


def migrate(path: Path, steps: Path = MIGRATIONS) -> Path | None:
    """All steps or none, in one transaction, while every other writer waits; the copy made before, if there was one.

    A record of version V is first copied to `paas-V.db` beside it. Processes of the version before may go on using
    the record meanwhile: a migration adds, and takes away only what the version before did not use any more. Raises
    RecordTooNew or MigrationFailed.
    """
    if not is_behind(path, steps):
        return None
    try:
        with _locked(path) as connection:
            found = version(path)
            saved = None if found is None else path.with_name(f"{path.stem}-{found}.db")
            if saved is not None:
                copy(path, saved)
            config = Config()
            config.set_main_option("script_location", str(steps))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
            if broken:
                raise MigrationFailed(path, f"{len(broken)} rows would point to nothing")
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise MigrationFailed(path, str(error)) from error
    return saved


def copy(path: Path, target: Path) -> None:
    """A whole copy of a record in use, by SQLite's backup; as private as the record. `target` appears when complete."""
    temporary = target.with_name(f".{target.name}")
    temporary.unlink(missing_ok=True)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with (
        closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as source,
        closing(sqlite3.connect(temporary)) as sink,
    ):
        source.backup(sink)
        sink.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
    if os.geteuid() == 0:
        owner = path.stat()
        shutil.chown(temporary, owner.st_uid, owner.st_gid)
    temporary.replace(target)


@contextmanager
def _locked(path: Path) -> Iterator[Connection]:
    """The only writer until it ends. Foreign keys are off: to rebuild a table must not delete what points to it."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("BEGIN IMMEDIATE"))
        try:
            yield connection
        except BaseException:
            connection.execute(text("ROLLBACK"))
            raise
        connection.execute(text("COMMIT"))
