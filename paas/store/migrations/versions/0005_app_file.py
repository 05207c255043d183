"""What app.json says: the health check of an image, the quantities that were declared."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("images", sa.Column("healthcheck", sa.String(), nullable=True))
    op.add_column("formations", sa.Column("declared", sa.Integer(), nullable=True))
