"""Deploys in the record: at most one of an app is open."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Float, Index, Integer, Row, String, Table, select, update

from paas.model.deploy import OPEN, Deploy, DeployState
from paas.store.database import METADATA, Database

DEPLOYS = Table(
    "deploys",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("app_id", String, nullable=False),
    Column("release", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("deadline", Float, nullable=False),
    Column("reason", String),
    Column("wake", Integer, nullable=False),
    Column("ended_at", Float),
    Column("is_postdeploy_due", Boolean),
)
_IS_OPEN = DEPLOYS.c.state.in_([str(state) for state in OPEN])
Index("deploys_one_open", DEPLOYS.c.app_id, unique=True, sqlite_where=_IS_OPEN)
Index("deploys_of_release", DEPLOYS.c.app_id, DEPLOYS.c.release)


class DeployStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        app_id: str,
        release: int,
        *,
        wake: int,
        deadline: float,
        now: float,
        state: DeployState = DeployState.STARTING,
    ) -> Deploy:
        """Ends an older open one as superseded, without a step back."""
        with self._database.write() as tx:
            reason = f"v{release} took its place"
            tx.execute(
                update(DEPLOYS)
                .where(DEPLOYS.c.app_id == app_id, _IS_OPEN)
                .values(state=DeployState.SUPERSEDED, reason=reason, ended_at=now)
            )
            row = tx.execute(
                DEPLOYS.insert()
                .values(
                    app_id=app_id,
                    release=release,
                    state=state,
                    created_at=now,
                    deadline=deadline,
                    wake=wake,
                )
                .returning(*DEPLOYS.c)
            ).one()
        return _deploy(row)

    def open(self, app_id: str) -> Deploy | None:
        with self._database.read() as tx:
            row = tx.execute(select(DEPLOYS).where(DEPLOYS.c.app_id == app_id, _IS_OPEN)).first()
        return None if row is None else _deploy(row)

    def all_open(self) -> Sequence[Deploy]:
        with self._database.read() as tx:
            return [_deploy(row) for row in tx.execute(select(DEPLOYS).where(_IS_OPEN))]

    def of(self, app_id: str, release: int) -> Deploy | None:
        """The last attempt to make this release current."""
        query = (
            select(DEPLOYS)
            .where(DEPLOYS.c.app_id == app_id, DEPLOYS.c.release == release)
            .order_by(DEPLOYS.c.id.desc())
            .limit(1)
        )
        with self._database.read() as tx:
            row = tx.execute(query).first()
        return None if row is None else _deploy(row)

    def all(self, app_id: str) -> Sequence[Deploy]:
        """The newest first."""
        query = select(DEPLOYS).where(DEPLOYS.c.app_id == app_id).order_by(DEPLOYS.c.id.desc())
        with self._database.read() as tx:
            return [_deploy(row) for row in tx.execute(query)]

    def move(self, deploy: Deploy, state: DeployState, *, deadline: float) -> bool:
        """To another open state. False: it is not open any more."""
        return self._change(deploy.id, state=state, deadline=deadline)

    def end(
        self, deploy: Deploy, state: DeployState, now: float, reason: str | None = None
    ) -> bool:
        """False: it had ended before."""
        return self._change(deploy.id, state=state, reason=reason, ended_at=now)

    def postdeploy_due(self, app_id: str) -> Deploy | None:
        """The newest that is over, and whose last process nobody has begun."""
        query = select(DEPLOYS).where(DEPLOYS.c.app_id == app_id, DEPLOYS.c.is_postdeploy_due)
        with self._database.read() as tx:
            row = tx.execute(query.order_by(DEPLOYS.c.id.desc()).limit(1)).first()
        return None if row is None else _deploy(row)

    def note_postdeploy(self, deploy: Deploy, *, is_due: bool) -> None:
        """Nothing of an older one is due any more."""
        older = update(DEPLOYS).where(DEPLOYS.c.app_id == deploy.app_id, DEPLOYS.c.id < deploy.id)
        change = update(DEPLOYS).where(DEPLOYS.c.id == deploy.id)
        with self._database.write() as tx:
            tx.execute(older.values(is_postdeploy_due=False))
            tx.execute(change.values(is_postdeploy_due=is_due))

    def remove_all(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(DEPLOYS.delete().where(DEPLOYS.c.app_id == app_id))

    def _change(self, deploy_id: int, **values: object) -> bool:
        with self._database.write() as tx:
            change = update(DEPLOYS).where(DEPLOYS.c.id == deploy_id, _IS_OPEN).values(**values)
            return tx.execute(change).rowcount == 1


def _deploy(row: Row[Any]) -> Deploy:
    values = dict(row._mapping)
    values["state"] = DeployState(values["state"])
    del values["is_postdeploy_due"]
    return Deploy(**values)
