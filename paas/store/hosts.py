"""Hosts in the record."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, Row, String, Table, select, update

from paas.model.host import Host, HostHealth, Schedulable, UnknownHost
from paas.store.database import METADATA, Database

HOSTS = Table(
    "hosts",
    METADATA,
    Column("name", String, primary_key=True),
    Column("url", String, nullable=False),
    Column("is_local", Boolean, nullable=False),
    Column("subnet", String, nullable=False),
    Column("arch", String, nullable=False),
    Column("health", String, nullable=False),
    Column("health_since", Float, nullable=False),
    Column("schedulable", String, nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("disk_free_mb", Integer, nullable=False),
    Column("engine_version", String, nullable=False),
    Column("seen_at", Float),
    Column("health_reason", String),
    Column("address", String),
    Column("ssh_url", String),
    Column("host_key", String),
    Column("reached_at", Float),
    Column("given_up_by", String),
)


class HostStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, host: Host) -> None:
        with self._database.write() as tx:
            tx.execute(HOSTS.delete().where(HOSTS.c.name == host.name))
            tx.execute(HOSTS.insert().values(**asdict(host)))

    def get(self, name: str) -> Host:
        """Raises UnknownHost."""
        with self._database.read() as tx:
            row = tx.execute(select(HOSTS).where(HOSTS.c.name == name)).first()
        if row is None:
            raise UnknownHost(name)
        return _host(row)

    def all(self) -> Sequence[Host]:
        with self._database.read() as tx:
            return [_host(row) for row in tx.execute(select(HOSTS).order_by(HOSTS.c.name))]

    def remove(self, name: str) -> None:
        with self._database.write() as tx:
            tx.execute(HOSTS.delete().where(HOSTS.c.name == name))

    def note(self, name: str, **values: object) -> None:
        """What was observed of it."""
        with self._database.write() as tx:
            tx.execute(update(HOSTS).where(HOSTS.c.name == name).values(**values))


def _host(row: Row[Any]) -> Host:
    values = dict(row._mapping)
    values["health"] = HostHealth(values["health"])
    values["schedulable"] = Schedulable(values["schedulable"])
    return Host(**values)
