"""Apps in the record."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Float, Index, Integer, Row, String, Table, select, update

from paas.errors import Conflict
from paas.model.app import App, AppName, UnknownApp
from paas.store.database import METADATA, Database

APPS = Table(
    "apps",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("wanted_release", Integer),
    Column("current_release", Integer),
    Column("wake", Integer, nullable=False),
    Column("live_wake", Integer, nullable=False),
    Column("blocked", String),
    Column("destroyed_at", Float),
    Column("lease_owner", String),
    Column("lease_until", Float),
    Column("fence", Integer, nullable=False),
)
Index("apps_living_name", APPS.c.name, unique=True, sqlite_where=APPS.c.destroyed_at.is_(None))
_VALUE = [column for column in APPS.c if column.name not in ("lease_owner", "lease_until", "fence")]


class AppNameTaken(Conflict):
    def __init__(self, name: AppName) -> None:
        super().__init__(f"The name '{name}' is taken. Choose another: paas create NAME")


class AppStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, app_id: str, name: AppName, owner: str, now: float) -> App:
        """Raises AppNameTaken."""
        with self._database.write() as tx:
            if tx.execute(select(APPS.c.id).where(APPS.c.name == name, _living())).first():
                raise AppNameTaken(name)
            tx.execute(
                APPS.insert().values(
                    id=app_id, name=name, owner=owner, created_at=now, updated_at=now,
                    stopped=False, wake=0, live_wake=0, fence=0,
                )
            )  # fmt: skip
        return self.get(app_id)

    def named(self, name: str) -> App:
        """The living app of this name or id. Raises UnknownApp."""
        query = select(*_VALUE).where((APPS.c.name == name) | (APPS.c.id == name), _living())
        with self._database.read() as tx:
            row = tx.execute(query).first()
        if row is None:
            raise UnknownApp(name)
        return _app(row)

    def get(self, app_id: str) -> App:
        """Also one that was destroyed and is not cleaned up yet. Raises UnknownApp."""
        with self._database.read() as tx:
            row = tx.execute(select(*_VALUE).where(APPS.c.id == app_id)).first()
        if row is None:
            raise UnknownApp(app_id)
        return _app(row)

    def all(self, *, destroyed: bool = False) -> Sequence[App]:
        """By name. `destroyed`: those that were destroyed and are not cleaned up yet."""
        where = APPS.c.destroyed_at.is_not(None) if destroyed else _living()
        with self._database.read() as tx:
            return [
                _app(row) for row in tx.execute(select(*_VALUE).where(where).order_by(APPS.c.name))
            ]

    def pending(self) -> Sequence[str]:
        """The ids of those of which some change is not live yet."""
        query = select(APPS.c.id).where(_living(), APPS.c.live_wake < APPS.c.wake)
        with self._database.read() as tx:
            return list(tx.execute(query).scalars())

    def touch(self, app_id: str) -> int:
        """Something about it changed: the new wake, which is also the version a client waits for."""
        with self._database.write() as tx:
            bump = update(APPS).where(APPS.c.id == app_id).values(wake=APPS.c.wake + 1)
            wake = tx.execute(bump.returning(APPS.c.wake)).scalar()
        if wake is None:
            raise UnknownApp(app_id)
        return int(wake)

    def change(self, app_id: str) -> int:
        """Somebody wants it otherwise: what could not be placed before may fit now. The new wake."""
        with self._database.write():
            self.block(app_id, None)
            return self.touch(app_id)

    def blocked(self) -> Sequence[str]:
        """The ids of those of which some dyno could not be placed."""
        query = select(APPS.c.id).where(_living(), APPS.c.blocked.is_not(None))
        with self._database.read() as tx:
            return list(tx.execute(query).scalars())

    def want(self, app_id: str, release: int | None, now: float) -> None:
        self._set(app_id, wanted_release=release, updated_at=now)

    def settle(self, app_id: str, release: int | None, now: float) -> None:
        """`release` is both what is wanted and what serves. Silent about an app that was destroyed."""
        with self._database.write() as tx:
            tx.execute(
                update(APPS)
                .where(APPS.c.id == app_id, _living())
                .values(wanted_release=release, current_release=release, updated_at=now)
            )

    def stop(self, app_id: str, *, stopped: bool) -> None:
        self._set(app_id, stopped=stopped)

    def block(self, app_id: str, reason: str | None) -> None:
        self._set(app_id, blocked=reason)

    def go_live(self, app_id: str, wake: int) -> None:
        """Every change up to `wake` is live in all routers. Never goes back."""
        with self._database.write() as tx:
            tx.execute(
                update(APPS)
                .where(APPS.c.id == app_id, APPS.c.live_wake < wake)
                .values(live_wake=wake)
            )

    def hand_over(self, owner: str, to: str) -> None:
        """Every app of `owner` is `to`'s from here on."""
        with self._database.write() as tx:
            tx.execute(update(APPS).where(APPS.c.owner == owner).values(owner=to))

    def destroy(self, app_id: str, now: float) -> None:
        """Frees the name at once; the row stays until everything of the app is gone."""
        with self._database.write() as tx:
            where = (APPS.c.id == app_id) & APPS.c.destroyed_at.is_(None)
            tx.execute(
                update(APPS)
                .where(where)
                .values(destroyed_at=now, wanted_release=None, current_release=None)
            )

    def forget(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(APPS.delete().where(APPS.c.id == app_id, APPS.c.destroyed_at.is_not(None)))

    def _set(self, app_id: str, **values: object) -> None:
        with self._database.write() as tx:
            tx.execute(update(APPS).where(APPS.c.id == app_id).values(**values))


def _living() -> Any:
    return APPS.c.destroyed_at.is_(None)


def _app(row: Row[Any]) -> App:
    values = dict(row._mapping)
    # A name in the record was checked when it came in.
    values["name"] = AppName(values["name"])
    return App(**values)
