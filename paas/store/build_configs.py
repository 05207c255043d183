"""How each app is built, as its people have said, in the record."""

from sqlalchemy import Column, String, Table, select

from paas.model.build_config import BuildConfig
from paas.store.database import METADATA, Database

BUILD_CONFIGS = Table(
    "build_configs",
    METADATA,
    Column("app_id", String, primary_key=True),
    Column("config", String, nullable=False),
)


class BuildConfigStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, app_id: str) -> BuildConfig:
        query = select(BUILD_CONFIGS.c.config).where(BUILD_CONFIGS.c.app_id == app_id)
        with self._database.read() as tx:
            return BuildConfig.load(tx.execute(query).scalar())

    def put(self, app_id: str, config: BuildConfig) -> None:
        """In place of the one before."""
        with self._database.write() as tx:
            self.remove(app_id)
            tx.execute(BUILD_CONFIGS.insert().values(app_id=app_id, config=config.dump()))

    def remove(self, app_id: str) -> None:
        with self._database.write() as tx:
            tx.execute(BUILD_CONFIGS.delete().where(BUILD_CONFIGS.c.app_id == app_id))
