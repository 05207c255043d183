import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from paas.store import migrate
from paas.store.apps import AppStore
from paas.store.database import METADATA, Database

STEP = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0001", None
def upgrade() -> None:
    op.create_table("shelf", sa.Column("id", sa.Integer(), primary_key=True))
"""
LATER_STEP = """
from alembic import op
import sqlalchemy as sa
revision, down_revision = "0002", "0001"
def upgrade() -> None:
    op.add_column("shelf", sa.Column("height", sa.Integer()))
    {more}
"""


def statements(path: Path) -> dict[str, str]:
    """What SQLite says each table and index was made by; blank space, quotes and the order of lists apart."""
    with closing(sqlite3.connect(path)) as record:
        rows = record.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {
            name: re.sub(
                r"IN\((.*?)\)", lambda found: str(sorted(found[1].split(","))), "".join(sql.split())
            ).replace('"', "")
            for name, sql in rows
            if name != "alembic_version"
        }


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """A folder of migrations of our own choice; the record of each test is `tmp_path/record.db`."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text((migrate.MIGRATIONS / "env.py").read_text())
    (folder / "versions" / "0001.py").write_text(STEP)
    return folder


def test_the_migrations_make_exactly_the_tables_that_the_stores_own(tmp_path: Path) -> None:
    migrated, made = tmp_path / "migrated.db", tmp_path / "made.db"

    migrate.migrate(migrated)

    METADATA.create_all(create_engine(f"sqlite:///{made}"))
    assert statements(migrated) == statements(made)
    with create_engine(f"sqlite:///{migrated}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_new_record_is_at_the_newest_version_and_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "record.db"

    copied = migrate.migrate(path)

    assert copied is None
    assert migrate.version(path) == migrate.newest()
    assert AppStore(Database(path)).all() == []


def test_a_record_at_the_newest_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    migrate.migrate(path)
    before = path.stat().st_mtime_ns

    migrate.migrate(path)

    assert path.stat().st_mtime_ns == before
    assert list(tmp_path.glob("record-*.db")) == []


def test_a_record_newer_than_the_program_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    migrate.migrate(path)
    with closing(sqlite3.connect(path)) as record, record:
        record.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(migrate.RecordTooNew, match=r"at version 9999; .* up to 0"):
        migrate.migrate(path)

    assert migrate.version(path) == "9999"


def test_an_older_record_is_copied_before_it_is_migrated(tmp_path: Path, steps: Path) -> None:
    path = tmp_path / "record.db"
    migrate.migrate(path, steps)
    with closing(sqlite3.connect(path)) as record, record:
        record.execute("INSERT INTO shelf (id) VALUES (7)")
    (steps / "versions" / "0002.py").write_text(LATER_STEP.format(more=""))

    copied = migrate.migrate(path, steps)

    assert copied == tmp_path / "record-0001.db"
    assert copied.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copied)) as before, closing(sqlite3.connect(path)) as after:
        assert before.execute("SELECT * FROM shelf").fetchall() == [(7,)]
        assert after.execute("SELECT * FROM shelf").fetchall() == [(7, None)]


def test_a_migration_that_fails_leaves_the_record_as_it_was(tmp_path: Path, steps: Path) -> None:
    path = tmp_path / "record.db"
    migrate.migrate(path, steps)
    before = statements(path)
    failing = LATER_STEP.format(more='op.execute("INSERT INTO nowhere VALUES (1)")')
    (steps / "versions" / "0002.py").write_text(failing)

    with pytest.raises(migrate.MigrationFailed, match=r"is as it was: .*nowhere"):
        migrate.migrate(path, steps)

    assert statements(path) == before
    assert migrate.version(path) == "0001"


def test_a_record_in_use_is_copied_whole(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    migrate.migrate(path)
    database = Database(path)
    with database.write() as tx:
        tx.exec_driver_sql("INSERT INTO facts VALUES ('a', 'b')")

    migrate.copy(path, tmp_path / "copy.db")

    assert Database(tmp_path / "copy.db").path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copied:
        assert copied.execute("SELECT * FROM facts").fetchall() == [("a", "b")]
