"""Turns of sessions (docs/adr/0011-realtime-turns.md): one row each, found by the session and the turn's number in it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _number(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def upgrade() -> None:
    """Add a table; nothing that is there changes."""
    op.create_table(
        "turns",
        sa.Column("carrier", _NAME, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        *(_text(name) for name in ("end_user", "model_requested", "model_returned", "inspection", "flags")),
        *(_number(name) for name in ("asked_from", "asked_to", "answered_from", "answered_to")),
        *(_number(name) for name in ("messages", "prompt_chars", "text_chars", "tool_calls", "asked_audio", "answered_audio")),
        *(_text(name) for name in ("verdict", "decision", "outcome", "error", "finish")),
        *(_number(name) for name in ("usage_input", "usage_output", "usage_cached", "usage_reasoning", "duration_us")),
    )
