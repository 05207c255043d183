"""What app.json says: the health check of an image, quantities, what runs after a deploy."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("images", sa.Column("healthcheck", sa.String(), nullable=True))
    op.add_column("formations", sa.Column("declared", sa.Integer(), nullable=True))
    op.add_column("formations", sa.Column("pending", sa.Integer(), nullable=True))
    op.add_column("deploys", sa.Column("is_postdeploy_due", sa.Boolean(), nullable=True))
