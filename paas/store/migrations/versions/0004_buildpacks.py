"""Buildpacks that are set for an app; which ones a build used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "buildpacks",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", "ordinal"),
    )
    op.add_column("builds", sa.Column("buildpacks", sa.String(), nullable=True))
