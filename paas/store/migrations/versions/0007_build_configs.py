"""How an app is built, as its people have said; how a build was."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "build_configs",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("config", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("app_id"),
    )
    op.add_column("builds", sa.Column("build_config", sa.String(), nullable=True))
