"""Alembic's entry: the connection comes from `paas.store.migrate`, in a transaction that is its to end."""

from alembic import context

from paas.store.database import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
