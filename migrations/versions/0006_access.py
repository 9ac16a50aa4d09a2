"""Who may use the admin API and its pages: people, and the tokens of their programs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def upgrade() -> None:
    """Add two tables; nothing that is there changes."""
    op.create_table(
        "users",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        _text("password"),
        sa.Column("subject", _NAME, nullable=False, server_default=""),
        sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_index("users_subject", "users", ["subject"])
    op.create_table(
        "api_tokens",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False, unique=True),
        sa.Column("user_name", _NAME, nullable=False),
        _text("title"),
        _text("scopes"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("api_tokens_user", "api_tokens", ["user_name", "created_at"])
