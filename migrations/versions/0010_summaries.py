"""What is counted ahead, and what waits for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Add three tables; what there is already is counted by whoever runs next, from the first entry on."""
    op.create_table(
        "hourly",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        *(sa.Column(name, _NAME, primary_key=True) for name in ("upstream", "purpose", "decision", "outcome")),
        _number("exchanges"),
    )
    op.create_table(
        "hourly_principals",
        sa.Column("hour", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("principal", _NAME, primary_key=True),
        _number("exchanges"),
    )
    op.create_table(
        "approvals",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("principal", _NAME, nullable=False),
        _text("case_id"),
        sa.Column("state", sa.Text, nullable=False, server_default="asked"),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        _text("reason"),
        sa.Column("decided_at", sa.BigInteger),
        _text("decided_by"),
        _text("note"),
    )
    op.create_index("approvals_state", "approvals", ["state", "id"])
    op.create_index("approvals_principal", "approvals", ["principal", "id"])
