"""Leases: who may take one step of converge for an app."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, String, select, update
from sqlalchemy.dialects.sqlite import insert

from paas.store.apps import APPS
from paas.store.database import Database
from paas.store.routers import FACTS

LEASE_SECONDS = 30.0
REFUSED = "refused writes"
"""Under this name the record counts them."""


@dataclass(frozen=True, slots=True)
class Lease:
    app_id: str
    fence: int
    """Rises with every taking; whoever holds a smaller one writes nothing."""
    wake: int
    """The app's wake when the lease was taken or last renewed."""


def is_held(lease: Lease, tx: Connection) -> bool:
    """Asked in the transaction that is to write; when it may not, that is counted."""
    fence = tx.execute(select(APPS.c.fence).where(APPS.c.id == lease.app_id)).scalar()
    if fence != lease.fence:
        _count_refused(tx)
    return bool(fence == lease.fence)


def _count_refused(tx: Connection) -> None:
    one_more = (FACTS.c.value.cast(Integer) + 1).cast(String)
    put = insert(FACTS).values(name=REFUSED, value="1")
    tx.execute(put.on_conflict_do_update(index_elements=["name"], set_={"value": one_more}))


class Leases:
    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, app_id: str, owner: str, now: float) -> Lease | None:
        """None: somebody has it, or there is no such app; its holder looks again before it lets go."""
        free = APPS.c.lease_until.is_(None) | (APPS.c.lease_until < now)
        taking = (
            update(APPS)
            .where(APPS.c.id == app_id, free)
            .values(lease_owner=owner, lease_until=now + LEASE_SECONDS, fence=APPS.c.fence + 1)
            .returning(APPS.c.fence, APPS.c.wake)
        )
        with self._database.write() as tx:
            row = tx.execute(taking).first()
        return None if row is None else Lease(app_id, row.fence, row.wake)

    def give_back(self, lease: Lease, now: float) -> Lease | None:
        """None: given back, or lost. The lease again if something changed since it was taken."""
        mine = (APPS.c.id == lease.app_id) & (APPS.c.fence == lease.fence)
        mine &= APPS.c.lease_until.is_not(None)
        with self._database.write() as tx:
            done = tx.execute(
                update(APPS)
                .where(mine, APPS.c.wake == lease.wake)
                .values(lease_until=None, lease_owner=None)
            )
            if done.rowcount:
                return None
            again = update(APPS).where(mine).values(lease_until=now + LEASE_SECONDS)
            row = tx.execute(again.returning(APPS.c.fence, APPS.c.wake)).first()
        return None if row is None else Lease(lease.app_id, row.fence, row.wake)

    def renew(self, lease: Lease, now: float) -> None:
        """For another 30 s; silent if it was lost."""
        with self._database.write() as tx:
            mine = (APPS.c.id == lease.app_id) & (APPS.c.fence == lease.fence)
            mine &= APPS.c.lease_until.is_not(None)
            tx.execute(update(APPS).where(mine).values(lease_until=now + LEASE_SECONDS))

    def holds(self, lease: Lease) -> bool:
        """Nobody has taken it since. True for as long as the transaction that asks."""
        with self._database.write() as tx:
            return is_held(lease, tx)

    def drop(self, lease: Lease) -> None:
        """Given back without looking again: the step failed, and the sweep will try once more."""
        with self._database.write() as tx:
            mine = (APPS.c.id == lease.app_id) & (APPS.c.fence == lease.fence)
            tx.execute(update(APPS).where(mine).values(lease_until=None, lease_owner=None))

    def count_refused(self) -> None:
        """The route table has refused what a holder of an older lease would have written."""
        with self._database.write() as tx:
            _count_refused(tx)

    def refused(self) -> int:
        """How often whoever had lost its lease would still have written, since the platform was made."""
        with self._database.read() as tx:
            query = select(FACTS.c.value).where(FACTS.c.name == REFUSED)
            return int(tx.execute(query).scalar() or 0)

    def fences(self) -> dict[str, int]:
        """Of every app: what a table that is filled anew must refuse to go below."""
        with self._database.read() as tx:
            rows = tx.execute(select(APPS.c.id, APPS.c.fence)).all()
        return {row.id: row.fence for row in rows}

    def end_predecessor(self, owner: str) -> Sequence[str]:
        """Ends what a worker of this name left behind when it died; the apps, to be looked at again."""
        with self._database.write() as tx:
            ending = update(APPS).where(APPS.c.lease_owner == owner)
            rows = tx.execute(
                ending.values(lease_until=None, lease_owner=None).returning(APPS.c.id)
            ).all()
        return [row.id for row in rows]
