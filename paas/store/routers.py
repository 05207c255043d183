"""Registered routers, and the last version of the route table each has acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Float, Integer, Row, String, Table, select, update
from sqlalchemy.dialects.sqlite import insert

from paas.store.database import METADATA, Database

ROUTERS = Table(
    "routers",
    METADATA,
    Column("name", String, primary_key=True),
    Column("registered_at", Float, nullable=False),
    Column("epoch", String),
    Column("number", Integer),
    Column("acknowledged_at", Float),
    Column("address", String),
    Column("ssh_url", String),
    Column("host_key", String),
)
FACTS = Table(
    "facts",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class RegisteredRouter:
    name: str
    registered_at: float
    epoch: str | None
    number: int | None
    acknowledged_at: float | None


class RouterStore:
    """Every registered router counts, alive or not: a silent follower is not a stopped HAProxy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, now: float) -> None:
        """Silent when it is registered already."""
        with self._database.write() as tx:
            tx.execute(
                insert(ROUTERS).values(name=name, registered_at=now).on_conflict_do_nothing()
            )

    def all(self) -> Sequence[RegisteredRouter]:
        with self._database.read() as tx:
            return [_router(row) for row in tx.execute(select(ROUTERS).order_by(ROUTERS.c.name))]

    def acknowledge(self, name: str, epoch: str, number: int, now: float) -> None:
        """An acknowledgement of a version that it has acknowledged already writes nothing."""
        with self._database.write() as tx:
            tx.execute(
                update(ROUTERS)
                .where(
                    ROUTERS.c.name == name,
                    ROUTERS.c.epoch.is_not(epoch) | ROUTERS.c.number.is_(None) | (ROUTERS.c.number < number),
                )
                .values(epoch=epoch, number=number, acknowledged_at=now)
            )  # fmt: skip

    def acknowledged(self, epoch: str) -> int | None:
        """The largest number of this epoch that every registered router has; None while one has none."""
        routers = self.all()
        if any(router.epoch != epoch or router.number is None for router in routers):
            return None
        return min((router.number for router in routers if router.number is not None), default=None)

    def remove(self, name: str) -> bool:
        with self._database.write() as tx:
            return tx.execute(ROUTERS.delete().where(ROUTERS.c.name == name)).rowcount == 1

    def epoch(self) -> str | None:
        """The route table's epoch as the record knows it."""
        return self.fact("epoch")

    def set_epoch(self, epoch: str) -> None:
        self.set_fact("epoch", epoch)

    def fact(self, name: str) -> str | None:
        """What the platform knows of itself under this name: `doctor` is its last examination."""
        with self._database.read() as tx:
            return tx.execute(select(FACTS.c.value).where(FACTS.c.name == name)).scalar()

    def set_fact(self, name: str, value: str) -> None:
        put = insert(FACTS).values(name=name, value=value)
        with self._database.write() as tx:
            tx.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _router(row: Row[Any]) -> RegisteredRouter:
    return RegisteredRouter(row.name, row.registered_at, row.epoch, row.number, row.acknowledged_at)
