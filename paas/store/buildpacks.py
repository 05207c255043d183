"""The buildpacks that were set for an app, in the record."""

from collections.abc import Sequence

from sqlalchemy import Column, Integer, String, Table, select

from paas.model.buildpack import Buildpack
from paas.store.database import METADATA, Database

BUILDPACKS = Table(
    "buildpacks",
    METADATA,
    Column("app_id", String, primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("url", String, nullable=False),
)


class BuildpackStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, app_id: str) -> Sequence[Buildpack]:
        """In the order in which they run; none: nobody set any."""
        query = select(BUILDPACKS.c.url).where(BUILDPACKS.c.app_id == app_id)
        with self._database.read() as tx:
            urls = tx.execute(query.order_by(BUILDPACKS.c.ordinal)).scalars().all()
        return [Buildpack.parse(url) for url in urls]

    def put(self, app_id: str, buildpacks: Sequence[Buildpack]) -> None:
        """In place of those before."""
        with self._database.write() as tx:
            tx.execute(BUILDPACKS.delete().where(BUILDPACKS.c.app_id == app_id))
            for ordinal, buildpack in enumerate(buildpacks):
                tx.execute(
                    BUILDPACKS.insert().values(app_id=app_id, ordinal=ordinal, url=str(buildpack))
                )

    def remove_all(self, app_id: str) -> None:
        self.put(app_id, ())
