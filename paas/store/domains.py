"""Domains in the record."""

from collections.abc import Sequence

from sqlalchemy import Column, Float, String, Table, select

from paas.errors import Conflict, Unknown
from paas.model.domain import Domain, Hostname
from paas.store.database import METADATA, Database

DOMAINS = Table(
    "domains",
    METADATA,
    Column("hostname", String, primary_key=True),
    Column("id", String, nullable=False),
    Column("app_id", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
)


class DomainTaken(Conflict):
    def __init__(self, hostname: str) -> None:
        super().__init__(
            f"{hostname} belongs to another app. Remove it there first: paas domains:remove {hostname}"
        )


class UnknownDomain(Unknown):
    def __init__(self, app: str, hostname: str) -> None:
        super().__init__(f"{app} has no domain '{hostname[:80]}'. See: paas domains -a {app}")


class DomainStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, domain: Domain) -> None:
        """Raises DomainTaken, also when it is the same app's."""
        with self._database.write() as tx:
            if tx.execute(
                select(DOMAINS.c.id).where(DOMAINS.c.hostname == domain.hostname)
            ).first():
                raise DomainTaken(domain.hostname)
            tx.execute(
                DOMAINS.insert().values(
                    hostname=domain.hostname, id=domain.id, app_id=domain.app_id, created_at=domain.created_at
                )
            )  # fmt: skip

    def of(self, app_id: str) -> Sequence[Domain]:
        query = select(DOMAINS).where(DOMAINS.c.app_id == app_id).order_by(DOMAINS.c.created_at)
        with self._database.read() as tx:
            rows = tx.execute(query).all()
        return [Domain(row.id, Hostname(row.hostname), row.app_id, row.created_at) for row in rows]

    def remove(self, app_id: str, hostname: str) -> bool:
        with self._database.write() as tx:
            mine = (DOMAINS.c.app_id == app_id) & (DOMAINS.c.hostname == hostname)
            return tx.execute(DOMAINS.delete().where(mine)).rowcount == 1

    def remove_all(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(DOMAINS.delete().where(DOMAINS.c.app_id == app_id))
