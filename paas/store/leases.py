"""Leases: who may take one step of converge for an app."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from paas.store.apps import APPS
from paas.store.database import Database

LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Lease:
    app_id: str
    fence: int
    """Rises with every taking; whoever holds a smaller one writes nothing."""
    wake: int
    """The app's wake when the lease was taken or last renewed."""


def is_held(lease: Lease, tx: Connection) -> bool:
    fence = tx.execute(select(APPS.c.fence).where(APPS.c.id == lease.app_id)).scalar()
    return bool(fence == lease.fence)


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
        with self._database.read() as tx:
            return is_held(lease, tx)

    def drop(self, lease: Lease) -> None:
        """Given back without looking again: the step failed, and the sweep will try once more."""
        with self._database.write() as tx:
            mine = (APPS.c.id == lease.app_id) & (APPS.c.fence == lease.fence)
            tx.execute(update(APPS).where(mine).values(lease_until=None, lease_owner=None))

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
