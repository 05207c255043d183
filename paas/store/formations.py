"""Formations in the record."""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Column, Integer, String, Table, select, update
from sqlalchemy.dialects.sqlite import insert

from paas.model.formation import QUANTITY_LIMIT, Formation, InvalidQuantity, Line
from paas.store.database import METADATA, Database

FORMATIONS = Table(
    "formations",
    METADATA,
    Column("app_id", String, primary_key=True),
    Column("process", String, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("restarts", Integer, nullable=False),
    Column("dyno_restarts", String, nullable=False),
    Column("declared", Integer),
    Column("pending", Integer),
)


class FormationStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, app_id: str) -> Formation:
        query = select(FORMATIONS).where(FORMATIONS.c.app_id == app_id)
        with self._database.read() as tx:
            rows = tx.execute(query).all()
        lines = {
            row.process: Line(
                row.quantity,
                row.restarts,
                {int(number): times for number, times in json.loads(row.dyno_restarts).items()},
                row.pending,
            )
            for row in rows
        }
        return Formation(app_id, lines)

    def scale(self, app_id: str, quantities: Mapping[str, int]) -> None:
        """Raises InvalidQuantity; then nothing is changed."""
        for process, quantity in quantities.items():
            if not 0 <= quantity <= QUANTITY_LIMIT:
                raise InvalidQuantity(process, quantity)
        with self._database.write():
            for process, quantity in quantities.items():
                self._put(app_id, process, quantity=quantity, pending=None)

    def declare(self, app_id: str, quantities: Mapping[str, int]) -> None:
        """As the app's own file says, from the deploy that is under way on.

        What it said before, and `scale` may have changed since, is not said again.
        """
        query = select(FORMATIONS.c.process, FORMATIONS.c.declared)
        with self._database.write() as tx:
            known = {
                row.process: row.declared
                for row in tx.execute(query.where(FORMATIONS.c.app_id == app_id))
            }
            for process, quantity in quantities.items():
                if known.get(process) != quantity:
                    self._put(app_id, process, pending=quantity)

    def settle(self, app_id: str, *, is_live: bool) -> None:
        """The deploy is over, and what was declared for it counts from now on, or never."""
        pending = FORMATIONS.c.pending
        values = {"quantity": pending, "declared": pending} if is_live else {}
        change = update(FORMATIONS).where(FORMATIONS.c.app_id == app_id, pending.is_not(None))
        with self._database.write() as tx:
            tx.execute(change.values(**values, pending=None))

    def restart(self, app_id: str, process: str, number: int | None = None) -> None:
        """All dynos of a process type, or one."""
        with self._database.write():
            line = self.of(app_id).lines.get(process, Line(0))
            if number is None:
                self._put(app_id, process, restarts=line.restarts + 1)
            else:
                times = {**line.dyno_restarts, number: line.dyno_restarts.get(number, 0) + 1}
                self._put(app_id, process, dyno_restarts=json.dumps(times))

    def keep_only(self, app_id: str, processes: Collection[str]) -> None:
        """A type that a release no longer has leaves the formation."""
        with self._database.write() as tx:
            tx.execute(
                FORMATIONS.delete().where(
                    FORMATIONS.c.app_id == app_id, FORMATIONS.c.process.not_in(list(processes))
                )
            )

    def remove_all(self, app_id: str) -> None:
        self.keep_only(app_id, ())

    def _put(self, app_id: str, process: str, **values: object) -> None:
        fresh = {"quantity": 0, "restarts": 0, "dyno_restarts": "{}", **values}
        put = (
            insert(FORMATIONS)
            .values(app_id=app_id, process=process, **fresh)
            .on_conflict_do_update(index_elements=["app_id", "process"], set_=values)
        )
        with self._database.write() as tx:
            tx.execute(put)
