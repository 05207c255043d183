"""Sources, builds and images in the record. (Long: a build ties the three together, in one transaction.)"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Column, Float, Index, Integer, Row, String, Table, select, update

from paas.errors import Unknown
from paas.model.build import Build, Builder, BuildState, Image, Purpose, Source, UsedBuildpack
from paas.model.build_config import BuildConfig
from paas.model.healthcheck import Healthcheck
from paas.store.apps import APPS
from paas.store.database import METADATA, Database

SOURCES = Table(
    "sources",
    METADATA,
    Column("id", String, primary_key=True),
    Column("person", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("url", String),
    Column("checksum", String),
    Column("image", String),
)
BUILDS = Table(
    "builds",
    METADATA,
    Column("id", String, primary_key=True),
    Column("app_id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("source", String, nullable=False),
    Column("commit", String, nullable=False),
    Column("person", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("builder", String),
    Column("detected", String),
    Column("image", String),
    Column("release", Integer),
    Column("reason", String),
    Column("worker", String),
    Column("lease_until", Float),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("buildpacks", String),
    Column("purpose", String),
    Column("build_config", String),
)
Index("builds_of_app", BUILDS.c.app_id, BUILDS.c.created_at)
Index(
    "builds_one_at_once",
    BUILDS.c.app_id,
    unique=True,
    sqlite_where=BUILDS.c.state == str(BuildState.BUILDING),
)
IMAGES = Table(
    "images",
    METADATA,
    Column("id", String, primary_key=True),
    Column("app_id", String, nullable=False, index=True),
    Column("builder", String, nullable=False),
    Column("arch", String, nullable=False),
    Column("port", Integer, nullable=False),
    Column("where", String, nullable=False),
    Column("source", String, nullable=False),
    Column("commit", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("removed_at", Float),
    Column("digest", String),
    Column("healthcheck", String),
    Column("processes", String),
    Column("app_file", String),
)
_UNDER_WAY = (str(BuildState.QUEUED), str(BuildState.BUILDING))


class UnknownSource(Unknown):
    def __init__(self, source_id: str) -> None:
        super().__init__(f"There is no source '{source_id[:60]}'. Push again.")


class UnknownBuild(Unknown):
    def __init__(self, app: str, build_id: str) -> None:
        super().__init__(f"{app} has no build '{build_id[:60]}'. See: paas builds -a {app}")


class BuildStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add_source(self, source: Source) -> None:
        with self._database.write() as tx:
            tx.execute(
                SOURCES.insert().values(
                    id=source.id, person=source.person, created_at=source.created_at,
                    url=source.url, checksum=source.checksum, image=source.image,
                )
            )  # fmt: skip

    def source(self, source_id: str) -> Source:
        """Raises UnknownSource."""
        with self._database.read() as tx:
            row = tx.execute(select(SOURCES).where(SOURCES.c.id == source_id)).first()
        if row is None:
            raise UnknownSource(source_id)
        return _source(row)

    def sources(self) -> Sequence[Source]:
        with self._database.read() as tx:
            rows = tx.execute(select(SOURCES)).all()
        return [_source(row) for row in rows]

    def is_source_of(self, source_id: str, app_id: str) -> bool:
        """Some build of the app was of this source."""
        query = select(BUILDS.c.id).where(BUILDS.c.source == source_id, BUILDS.c.app_id == app_id)
        with self._database.read() as tx:
            return tx.execute(query).first() is not None

    def note_source(self, source_id: str, **values: str | None) -> None:
        """`image`: it means this very one. `checksum`: what comes must have it; None: what came has."""
        with self._database.write() as tx:
            tx.execute(update(SOURCES).where(SOURCES.c.id == source_id).values(**values))

    def remove_source(self, source_id: str) -> bool:
        """False: a build under way or an image needs it."""
        under_way = select(BUILDS.c.id).where(
            BUILDS.c.source == source_id, BUILDS.c.state.in_(_UNDER_WAY)
        )
        made = select(IMAGES.c.id).where(
            IMAGES.c.source == source_id, IMAGES.c.removed_at.is_(None)
        )
        with self._database.write() as tx:
            if tx.execute(under_way).first() or tx.execute(made).first():
                return False
            tx.execute(SOURCES.delete().where(SOURCES.c.id == source_id))
            return True

    def add(self, build: Build) -> None:
        """Queued. Older queued ones of the app are cancelled: a newer push takes their place.

        One that is to release nothing takes the place of its like alone.
        """
        older = (BUILDS.c.app_id == build.app_id) & (BUILDS.c.state == str(BuildState.QUEUED))
        if build.purpose is not Purpose.RELEASE:
            older &= BUILDS.c.purpose == str(build.purpose)
        with self._database.write() as tx:
            tx.execute(
                update(BUILDS)
                .where(older)
                .values(
                    state=str(BuildState.CANCELLED), ended_at=build.created_at, reason="a newer push took its place"
                )
            )  # fmt: skip
            tx.execute(
                BUILDS.insert().values(
                    id=build.id, app_id=build.app_id, state=str(build.state), source=build.source,
                    commit=build.commit, person=build.person, created_at=build.created_at, image=build.image,
                    purpose=str(build.purpose),
                )
            )  # fmt: skip

    def get(self, build_id: str) -> Build | None:
        with self._database.read() as tx:
            row = tx.execute(select(BUILDS).where(BUILDS.c.id == build_id)).first()
        return None if row is None else _build(row)

    def of(self, app_id: str, limit: int = 50) -> Sequence[Build]:
        """The newest first."""
        return self._select(BUILDS.c.app_id == app_id, limit)

    def in_state(self, state: BuildState) -> Sequence[Build]:
        return self._select(BUILDS.c.state == str(state), 1000)

    def begin(self, build_id: str, worker: str, now: float, lease_until: float) -> bool:
        """From queued to building. False: it is not queued any more, or another build of the app is under way."""
        with self._database.write() as tx:
            app_id = tx.execute(select(BUILDS.c.app_id).where(BUILDS.c.id == build_id)).scalar()
            busy = select(BUILDS.c.id).where(
                BUILDS.c.app_id == app_id, BUILDS.c.state == str(BuildState.BUILDING)
            )
            if tx.execute(busy).first():
                return False
            starting = (
                update(BUILDS)
                .where(BUILDS.c.id == build_id, BUILDS.c.state == str(BuildState.QUEUED))
                .values(
                    state=str(BuildState.BUILDING), worker=worker, started_at=now, lease_until=lease_until
                )
            )  # fmt: skip
            return tx.execute(starting).rowcount == 1

    def renew(self, build_id: str, lease_until: float) -> bool:
        """False: it was cancelled or given up; whoever builds it stops."""
        return self._change(build_id, (BuildState.BUILDING,), lease_until=lease_until)

    def note(self, build_id: str, **values: object) -> bool:
        """What was learnt while it is being built. False: it is over, cancelled perhaps."""
        return self._change(build_id, (BuildState.BUILDING,), **values)

    def note_buildpacks(self, build_id: str, used: Sequence[UsedBuildpack]) -> None:
        """Silent when the build is over."""
        self.note(build_id, buildpacks=json.dumps([[each.name, each.version] for each in used]))

    def makers_of(self, image_id: str) -> Sequence[UsedBuildpack]:
        """The buildpacks that made an image, in order."""
        made = (BUILDS.c.image == image_id) & (BUILDS.c.state == str(BuildState.SUCCEEDED))
        return [used for build in self._select(made, 1) for used in build.buildpacks]

    def note_build_config(self, build_id: str, config: BuildConfig) -> None:
        """Silent when the build is over."""
        self.note(build_id, build_config=config.dump())

    def build_config_of(self, image_id: str) -> BuildConfig:
        """That which an image was made by."""
        made = (BUILDS.c.image == image_id) & (BUILDS.c.state == str(BuildState.SUCCEEDED))
        builds = self._select(made, 1)
        return builds[0].build_config if builds else BuildConfig()

    def end(self, build_id: str, state: BuildState, now: float, reason: str | None = None) -> bool:
        """False: it was over already."""
        before = (BuildState.QUEUED, BuildState.BUILDING)
        return self._change(build_id, before, state=str(state), ended_at=now, reason=reason)

    def add_image(self, image: Image) -> None:
        with self._database.write() as tx:
            tx.execute(
                IMAGES.insert().values(
                    id=image.id, app_id=image.app_id, builder=str(image.builder), arch=image.arch,
                    port=image.port, where=json.dumps(dict(image.where)), source=image.source,
                    commit=image.commit, created_at=image.created_at,
                    digest=image.digest, healthcheck=_healthcheck_text(image.healthcheck),
                    processes=None if image.processes is None else json.dumps(dict(image.processes)),
                    app_file=image.app_file,
                )
            )  # fmt: skip

    def image(self, image_id: str) -> Image | None:
        with self._database.read() as tx:
            row = tx.execute(select(IMAGES).where(IMAGES.c.id == image_id)).first()
        return None if row is None else _image(row)

    def images(self, app_id: str) -> Sequence[Image]:
        """Those that are not removed, oldest first."""
        query = select(IMAGES).where(IMAGES.c.app_id == app_id, IMAGES.c.removed_at.is_(None))
        with self._database.read() as tx:
            return [_image(row) for row in tx.execute(query.order_by(IMAGES.c.created_at))]

    def unregistered_images(self) -> Sequence[Image]:
        """Those of living apps that some engine has and the registry has not."""
        living = select(APPS.c.id).where(APPS.c.destroyed_at.is_(None))
        query = select(IMAGES).where(
            IMAGES.c.digest.is_(None),
            IMAGES.c.removed_at.is_(None),
            IMAGES.c.where != "{}",
            IMAGES.c.app_id.in_(living),
        )
        with self._database.read() as tx:
            return [_image(row) for row in tx.execute(query.order_by(IMAGES.c.created_at))]

    def empty_registry(self) -> None:
        """There is none any more: no image is in it."""
        with self._database.write() as tx:
            tx.execute(update(IMAGES).values(digest=None))

    def place_image(self, image_id: str, host: str, reference: str | None) -> None:
        """What the engine of `host` calls it; None: it does not have it. Silent about an image that is forgotten."""
        with self._database.write() as tx:
            query = select(IMAGES.c.where).where(IMAGES.c.id == image_id)
            where = json.loads(tx.execute(query).scalar() or "{}")
            where.pop(host, None)
            if reference is not None:
                where[host] = reference
            change = update(IMAGES).where(IMAGES.c.id == image_id)
            tx.execute(change.values(where=json.dumps(where)))

    def publish_image(self, image_id: str, digest: str | None) -> None:
        """What the registry calls it; None: it is not there any more."""
        self._note_image(image_id, digest=digest)

    def remove_image(self, image_id: str, now: float) -> None:
        """No engine and no registry has it any more, and none shall."""
        self._note_image(image_id, where="{}", digest=None, removed_at=now)

    def remove_all(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(BUILDS.delete().where(BUILDS.c.app_id == app_id))
            tx.execute(IMAGES.delete().where(IMAGES.c.app_id == app_id))

    def _note_image(self, image_id: str, **values: object) -> None:
        with self._database.write() as tx:
            tx.execute(update(IMAGES).where(IMAGES.c.id == image_id).values(**values))

    def _change(self, build_id: str, before: Sequence[BuildState], **values: object) -> bool:
        states = [str(state) for state in before]
        with self._database.write() as tx:
            change = update(BUILDS).where(BUILDS.c.id == build_id, BUILDS.c.state.in_(states))
            return tx.execute(change.values(**values)).rowcount == 1

    def _select(self, where: Any, limit: int) -> Sequence[Build]:
        query = select(BUILDS).where(where).order_by(BUILDS.c.created_at.desc()).limit(limit)
        with self._database.read() as tx:
            return [_build(row) for row in tx.execute(query)]


def _source(row: Row[Any]) -> Source:
    return Source(**row._mapping)


def _build(row: Row[Any]) -> Build:
    values = dict(row._mapping)
    values["state"] = BuildState(values["state"])
    values["builder"] = Builder(values["builder"]) if values["builder"] else None
    values["purpose"] = Purpose(values["purpose"] or Purpose.RELEASE)
    values["buildpacks"] = tuple(
        UsedBuildpack(*used) for used in json.loads(values["buildpacks"] or "[]")
    )
    values["build_config"] = BuildConfig.load(values["build_config"])
    return Build(**values)


def _image(row: Row[Any]) -> Image:
    values = dict(row._mapping)
    values["builder"] = Builder(values["builder"])
    values["where"] = json.loads(values["where"])
    if values["healthcheck"] is not None:
        values["healthcheck"] = Healthcheck(**json.loads(values["healthcheck"]))
    values["processes"] = json.loads(values["processes"]) if values["processes"] else None
    return Image(**values)


def _healthcheck_text(check: Healthcheck | None) -> str | None:
    return None if check is None else json.dumps(asdict(check))
