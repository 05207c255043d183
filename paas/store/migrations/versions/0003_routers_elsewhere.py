"""Routers on other machines; who has given up a host; what is on a host is found at once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("address", "ssh_url", "host_key"):
        op.add_column("routers", sa.Column(name, sa.String(), nullable=True))
    op.add_column("hosts", sa.Column("given_up_by", sa.String(), nullable=True))
    op.execute(
        "UPDATE hosts SET given_up_by = substr(health_reason, 13, instr(health_reason, ':') - 13) "
        "WHERE health_reason LIKE 'given up by %:%'"
    )
    op.create_index("containers_on_host", "containers", ["host", "state"])
