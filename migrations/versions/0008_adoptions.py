"""Who has read which row of the terms."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "adoptions",
        sa.Column("row_name", _NAME, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("adopted_by", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False, server_default=""),
    )
