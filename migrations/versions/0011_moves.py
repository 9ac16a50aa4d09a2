"""Who moved a principal's standing and why, and what ties the accounts of a linked group."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# what is known of those that were moved before anybody wrote it down: how they came to stand as they do
_KNOWN = """
INSERT INTO standing_moves (principal, at, was, standing, cause, group_key, "by", note)
SELECT principal, since, 'normal', standing, CASE WHEN set_by = '' THEN 'evidence' ELSE 'person' END, group_key, set_by, note
FROM standings WHERE standing <> 'normal' ORDER BY since, principal
"""


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Add two tables; the first begins with how principals stand now."""
    op.create_table(
        "standing_moves",
        sa.Column("id", _SERIAL, primary_key=True),
        sa.Column("principal", _NAME, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("was", sa.Text, nullable=False),
        sa.Column("standing", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        *(_text(name) for name in ("group_key", "finding_id", "case_id", "by", "note")),
    )
    op.create_index("standing_moves_principal", "standing_moves", ["principal", "id"])
    op.create_index("standing_moves_at", "standing_moves", ["at"])
    op.create_table(
        "group_ties",
        sa.Column("group_key", _NAME, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        _text("ties"),
    )
    op.execute(_KNOWN)
