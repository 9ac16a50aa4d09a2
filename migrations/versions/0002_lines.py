"""Lines of carriers (docs/adr/0007-carried-lines.md): one row each, found by carrier and number, or by the client's name for it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "lines",
        sa.Column("carrier", _NAME, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        _text("custom_id"),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("length", sa.BigInteger, nullable=False),
        *(_text(name) for name in ("end_user", "endpoint", "method", "target", "model_requested", "inspection", "flags")),
        *(_text(name) for name in ("verdict", "decision", "clauses", "rules")),
    )
    op.create_index("lines_custom_id", "lines", ["carrier", "custom_id"])
