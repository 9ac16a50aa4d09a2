"""What is to be told to others: alerts on their way to webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "deliveries",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("target", _NAME, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.Text, nullable=False, server_default=""),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("done_at", sa.BigInteger),
        sa.Column("error", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("deliveries_due", "deliveries", ["done_at", "next_at"])
    op.create_index("deliveries_at", "deliveries", ["at"])
