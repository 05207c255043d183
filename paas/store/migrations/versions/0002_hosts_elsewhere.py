"""Hosts on other machines: how they are reached, ports of theirs, and images in a registry."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("address", "ssh_url", "host_key"):
        op.add_column("hosts", sa.Column(name, sa.String(), nullable=True))
    op.add_column("hosts", sa.Column("reached_at", sa.Float(), nullable=True))
    op.add_column("images", sa.Column("digest", sa.String(), nullable=True))
    op.add_column("containers", sa.Column("published", sa.Integer(), nullable=True))
    op.drop_index("containers_leased_address", "containers")
    op.create_index(
        "containers_leased_address",
        "containers",
        ["host", "address"],
        unique=True,
        sqlite_where=sa.text("state != 'gone' AND address IS NOT NULL AND published IS NULL"),
    )
    op.create_index(
        "containers_leased_port",
        "containers",
        ["host", "published"],
        unique=True,
        sqlite_where=sa.text("state != 'gone' AND published IS NOT NULL"),
    )
