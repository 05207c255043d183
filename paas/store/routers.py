"""Registered routers, and the last version of the route table each has acknowledged."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Float, Integer, Row, String, Table, select, update
from sqlalchemy.dialects.sqlite import insert

from paas.model.router import RegisteredRouter, UnknownRouter
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


class RouterStore:
    """Every router that has once acknowledged counts, alive or not: a silent follower is not a stopped HAProxy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, name: str, now: float, ssh_url: str | None = None, host_key: str | None = None
    ) -> None:
        """Silent when it is registered already. With `ssh_url` it is on another machine."""
        row = insert(ROUTERS).values(
            name=name, registered_at=now, ssh_url=ssh_url, host_key=host_key
        )
        with self._database.write() as tx:
            tx.execute(row.on_conflict_do_nothing())

    def get(self, name: str) -> RegisteredRouter:
        """Raises UnknownRouter."""
        with self._database.read() as tx:
            row = tx.execute(select(ROUTERS).where(ROUTERS.c.name == name)).first()
        if row is None:
            raise UnknownRouter(name)
        return _router(row)

    def all(self) -> Sequence[RegisteredRouter]:
        with self._database.read() as tx:
            return [_router(row) for row in tx.execute(select(ROUTERS).order_by(ROUTERS.c.name))]

    def counting(self) -> Sequence[RegisteredRouter]:
        """Those whose acknowledgement makes a change live."""
        return [router for router in self.all() if not router.is_joining]

    def addresses(self) -> Sequence[str]:
        """Of those on other machines, as far as these were looked at."""
        return [router.address for router in self.all() if router.address is not None]

    def pin(self, name: str, address: str, host_key: str) -> None:
        """What its machine is."""
        with self._database.write() as tx:
            mine = update(ROUTERS).where(ROUTERS.c.name == name)
            tx.execute(mine.values(address=address, host_key=host_key))

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
        """The largest number of this epoch that every router that counts has; None while one has none."""
        routers = self.counting()
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
    return RegisteredRouter(**row._mapping)
