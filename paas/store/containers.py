"""Containers in the record: rows from before a container exists until it is gone."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    Row,
    String,
    Table,
    case,
    cast,
    func,
    select,
    update,
)

from paas.model.container import FILLS, LATER, Container, ContainerState, Kind
from paas.model.formation import Dyno
from paas.store.database import METADATA, Database
from paas.store.leases import Lease, is_held

CONTAINERS = Table(
    "containers",
    METADATA,
    Column("id", String, primary_key=True),
    Column("app_id", String, nullable=False),
    Column("release", Integer, nullable=False),
    Column("process", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("restarts", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("host", String, nullable=False),
    Column("state", String, nullable=False),
    Column("since", Float, nullable=False),
    Column("placed_at", Float, nullable=False),
    Column("address", String),
    Column("port", Integer),
    Column("deadline", Float),
    Column("seen_at", Float),
    Column("exits", String, nullable=False),
    Column("crashed_at", Float),
    Column("exit_code", Integer),
    Column("reason", String),
    Column("left_number", Integer),
    Column("is_logged", Boolean, nullable=False),
    Column("placement", String, nullable=False),
    Column("person", String),
    Column("published", Integer),
)
_IS_LIVE = CONTAINERS.c.state != str(ContainerState.GONE)
Index("containers_of_app", CONTAINERS.c.app_id, CONTAINERS.c.state)
Index("containers_on_host", CONTAINERS.c.host, CONTAINERS.c.state)
Index("containers_crashed", CONTAINERS.c.crashed_at)
Index(
    "containers_leased_address",
    CONTAINERS.c.host,
    CONTAINERS.c.address,
    unique=True,
    sqlite_where=_IS_LIVE & CONTAINERS.c.address.is_not(None) & CONTAINERS.c.published.is_(None),
)
Index(
    "containers_leased_port",
    CONTAINERS.c.host,
    CONTAINERS.c.published,
    unique=True,
    sqlite_where=_IS_LIVE & CONTAINERS.c.published.is_not(None),
)
_WITH_DEADLINE = [
    str(state)
    for state in (
        ContainerState.PULLING,
        ContainerState.STARTING,
        ContainerState.UP,
        ContainerState.STOPPING,
    )
]
ASIDE = Table(
    "addresses_aside",
    METADATA,
    Column("host", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("until", Float, nullable=False),
)


ASIDE_SECONDS = 600.0
"""How long an address that the engine says is taken is not given out."""


class ContainerStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, containers: Iterable[Container], lease: Lease | None = None) -> bool:
        """All or none. False: the lease was lost, and nothing was written."""
        with self._database.write() as tx:
            if lease is not None and not is_held(lease, tx):
                return False
            for container in containers:
                tx.execute(CONTAINERS.insert().values(**_columns(container)))
        return True

    def get(self, container_id: str) -> Container | None:
        with self._database.read() as tx:
            row = tx.execute(select(CONTAINERS).where(CONTAINERS.c.id == container_id)).first()
        return None if row is None else _container(row)

    def of(self, app_id: str, *, gone: bool = False) -> Sequence[Container]:
        """Of one app, oldest first. `gone`: those that are gone too."""
        where = CONTAINERS.c.app_id == app_id
        return self._select(where if gone else where & _IS_LIVE)

    def on(self, host: str) -> Sequence[Container]:
        return self._select((CONTAINERS.c.host == host) & _IS_LIVE)

    def in_states(self, states: Collection[ContainerState]) -> Sequence[Container]:
        return self._select(CONTAINERS.c.state.in_([str(state) for state in states]))

    def due(self, now: float, drain_seconds: float) -> Sequence[Container]:
        """Those whose state has lasted too long."""
        late = (CONTAINERS.c.deadline <= now) & CONTAINERS.c.state.in_(_WITH_DEADLINE)
        drained = CONTAINERS.c.since <= now - drain_seconds
        return self._select(late | (drained & (CONTAINERS.c.state == str(ContainerState.RETIRING))))

    def crashed_since(self, at: float, app_id: str | None = None) -> Sequence[Container]:
        """Whatever has become of them; of one app, or all."""
        where = CONTAINERS.c.crashed_at >= at
        return self._select(where if app_id is None else where & (CONTAINERS.c.app_id == app_id))

    def live(self) -> Sequence[Container]:
        """Every container that is not gone, of every app."""
        return self._select(_IS_LIVE)

    def filling(self) -> Mapping[str, int]:
        """How many containers hold room on each host, of every app and kind."""
        query = select(CONTAINERS.c.host, func.count()).group_by(CONTAINERS.c.host)
        with self._database.read() as tx:
            found = tx.execute(query.where(CONTAINERS.c.state.in_([str(state) for state in FILLS])))
            return {str(host): int(count) for host, count in found}

    def move(
        self,
        container_id: str,
        state: ContainerState,
        now: float,
        lease: Lease | None = None,
        **values: object,
    ) -> bool:
        """One step forward, with what was learnt. False: it is past that already, or the lease was lost."""
        return bool(self.move_all([container_id], state, now, lease, **values))

    def move_all(
        self,
        container_ids: Collection[str],
        state: ContainerState,
        now: float,
        lease: Lease | None = None,
        **values: object,
    ) -> frozenset[str]:
        """As `move`, in one transaction. Those that have moved."""
        before = [str(earlier) for earlier, later in LATER.items() if state in later]
        if not container_ids:
            return frozenset()
        with self._database.write() as tx:
            if lease is not None and not is_held(lease, tx):
                return frozenset()
            moving = (
                update(CONTAINERS)
                .where(CONTAINERS.c.id.in_(container_ids), CONTAINERS.c.state.in_(before))
                .values(state=str(state), since=now, **values)
            )
            return frozenset(tx.execute(moving.returning(CONTAINERS.c.id)).scalars())

    def note(self, container_id: str, **values: object) -> None:
        """What was observed, beside its state."""
        self.note_all([container_id], **values)

    def note_all(self, container_ids: Collection[str], **values: object) -> None:
        """The same of each, in one transaction."""
        if not container_ids:
            return
        if "exits" in values:
            values["exits"] = json.dumps(values["exits"])
        with self._database.write() as tx:
            tx.execute(
                update(CONTAINERS).where(CONTAINERS.c.id.in_(container_ids)).values(**values)
            )

    def leased(self, host: str, now: float) -> frozenset[str]:
        """What of a host's addresses, or of its ports, may not be given out: leased, or put aside."""
        lease = case(
            (CONTAINERS.c.published.is_not(None), cast(CONTAINERS.c.published, String)),
            else_=CONTAINERS.c.address,
        )
        taken = select(lease).where(CONTAINERS.c.host == host, _IS_LIVE)
        aside = select(ASIDE.c.address).where(ASIDE.c.host == host, ASIDE.c.until > now)
        with self._database.read() as tx:
            found = [*tx.execute(taken).scalars(), *tx.execute(aside).scalars()]
        return frozenset(address for address in found if address)

    def put_aside(self, host: str, address: str, now: float) -> None:
        """The engine says that somebody has it, an address or a port: it is not given out for the next ten minutes."""
        with self._database.write() as tx:
            same = (ASIDE.c.host == host) & (ASIDE.c.address == address)
            tx.execute(ASIDE.delete().where(same))
            tx.execute(ASIDE.insert().values(host=host, address=address, until=now + ASIDE_SECONDS))

    def forget(self, gone_before: float) -> None:
        """Rows that have been gone since before then; a crash is remembered as long as any other."""
        with self._database.write() as tx:
            tx.execute(CONTAINERS.delete().where(~_IS_LIVE, CONTAINERS.c.since < gone_before))

    def remove_all(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(CONTAINERS.delete().where(CONTAINERS.c.app_id == app_id))

    def _select(self, where: Any) -> Sequence[Container]:
        query = select(CONTAINERS).where(where).order_by(CONTAINERS.c.placed_at, CONTAINERS.c.id)
        with self._database.read() as tx:
            return [_container(row) for row in tx.execute(query)]


def _columns(container: Container) -> dict[str, object]:
    dyno = container.dyno
    return {
        "id": container.id,
        "app_id": dyno.app_id,
        "release": dyno.release,
        "process": dyno.process,
        "number": dyno.number,
        "restarts": dyno.restarts,
        "kind": str(container.kind),
        "host": container.host,
        "state": str(container.state),
        "since": container.since,
        "placed_at": container.placed_at,
        "address": container.address,
        "port": container.port,
        "published": container.published,
        "deadline": container.deadline,
        "exits": json.dumps(container.exits),
        "is_logged": container.is_logged,
        "placement": json.dumps(dict(container.placement)),
        "person": container.person,
    }


def _container(row: Row[Any]) -> Container:
    return Container(
        id=row.id,
        dyno=Dyno(row.app_id, row.release, row.process, row.number, row.restarts),
        kind=Kind(row.kind),
        host=row.host,
        state=ContainerState(row.state),
        since=row.since,
        placed_at=row.placed_at,
        address=row.address,
        port=row.port,
        published=row.published,
        deadline=row.deadline,
        seen_at=row.seen_at,
        exits=tuple(json.loads(row.exits)),
        crashed_at=row.crashed_at,
        exit_code=row.exit_code,
        reason=row.reason,
        left_number=row.left_number,
        is_logged=row.is_logged,
        placement=json.loads(row.placement),
        person=row.person,
    )
