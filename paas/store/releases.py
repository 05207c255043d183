"""Releases in the record. A release is written once and never changed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Float, Integer, Row, String, Table, func, select

from paas.model.config import Config
from paas.model.release import Release, UnknownRelease
from paas.store.cipher import Cipher
from paas.store.database import METADATA, Database

RELEASES = Table(
    "releases",
    METADATA,
    Column("app_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("image", String),
    Column("processes", String, nullable=False),
    Column("config", String, nullable=False),
    Column("description", String, nullable=False),
    Column("commit", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("created_by", String, nullable=False),
)


class ReleaseStore:
    def __init__(self, database: Database, cipher: Cipher) -> None:
        self._database, self._cipher = database, cipher

    def add(
        self,
        app_id: str,
        *,
        image: str | None,
        processes: Mapping[str, str],
        config: Config,
        description: str,
        commit: str,
        by: str,
        now: float,
    ) -> Release:
        """The next number. Gaps never arise: numbers are given inside the transaction."""
        with self._database.write() as tx:
            last = tx.execute(
                select(func.max(RELEASES.c.number)).where(RELEASES.c.app_id == app_id)
            ).scalar()
            release = Release(
                app_id,
                (last or 0) + 1,
                image,
                dict(processes),
                config,
                description,
                commit,
                now,
                by,
            )
            tx.execute(
                RELEASES.insert().values(
                    app_id=app_id, number=release.number, image=image,
                    processes=json.dumps(dict(processes)),
                    config=self._cipher.seal(json.dumps(dict(config.vars))),
                    description=description, commit=commit, created_at=now, created_by=by,
                )
            )  # fmt: skip
        return release

    def get(self, app_id: str, number: int) -> Release:
        """Raises UnknownRelease."""
        query = select(RELEASES).where(RELEASES.c.app_id == app_id, RELEASES.c.number == number)
        with self._database.read() as tx:
            row = tx.execute(query).first()
        if row is None:
            raise UnknownRelease(app_id, number)
        return self._release(row)

    def all(self, app_id: str) -> Sequence[Release]:
        """The newest first."""
        query = (
            select(RELEASES).where(RELEASES.c.app_id == app_id).order_by(RELEASES.c.number.desc())
        )
        with self._database.read() as tx:
            return [self._release(row) for row in tx.execute(query)]

    def remove_all(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(RELEASES.delete().where(RELEASES.c.app_id == app_id))

    def _release(self, row: Row[Any]) -> Release:
        return Release(
            row.app_id,
            row.number,
            row.image,
            json.loads(row.processes),
            Config(json.loads(self._cipher.open(row.config))),
            row.description,
            row.commit,
            row.created_at,
            row.created_by,
        )
