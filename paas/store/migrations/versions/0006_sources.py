"""Sources that are fetched, or are images; builds that release nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name in ("url", "checksum", "image"):
        op.add_column("sources", sa.Column(name, sa.String(), nullable=True))
    op.add_column("builds", sa.Column("purpose", sa.String(), nullable=True))
    for name in ("processes", "app_file"):
        op.add_column("images", sa.Column(name, sa.String(), nullable=True))
