"""How principals stand, and what the host knows of them that ties them to others."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Add two tables; nothing that is there changes."""
    op.create_table(
        "standings",
        sa.Column("principal", _NAME, primary_key=True),
        sa.Column("standing", sa.Text, nullable=False),
        _text("group_key"),
        _number("since"),
        sa.Column("until", sa.BigInteger),
        _number("spared_until"),
        sa.Column("round", sa.Integer, nullable=False, server_default="0"),
        _text("set_by"),
        _text("note"),
        _number("changed_at"),
    )
    op.create_table(
        "traits",
        sa.Column("principal", _NAME, primary_key=True),
        sa.Column("trait", _NAME, primary_key=True),
        sa.Column("value", _NAME, nullable=False),
        _number("at"),
    )
