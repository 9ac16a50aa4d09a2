"""What calls refer to: the reference index, and which results answer which lines."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def upgrade() -> None:
    """Add four tables; nothing that is there changes."""
    op.create_table("mentions", sa.Column("record_id", _NAME, primary_key=True), *_texts("refers", "created"))
    op.create_table(
        "reference_index",
        sa.Column("key", _NAME, primary_key=True),
        sa.Column("stamp", sa.BigInteger, nullable=False),
        sa.Column("record_id", _NAME, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_texts("kind", "principal", "project", "purpose", "verdict", "endpoint", "model"),
    )
    op.create_index("reference_index_stamp", "reference_index", ["stamp", "key"])
    op.create_index("reference_index_record", "reference_index", ["record_id", "key"])
    op.create_table(
        "batch_results",
        sa.Column("record_id", _NAME, primary_key=True),
        sa.Column("batch", _NAME, nullable=False),
        sa.Column("carrier", _NAME, nullable=False),
        sa.Column("lines", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("batch_results_batch", "batch_results", ["batch"])
    op.create_table(
        "line_results",
        sa.Column("line_id", _NAME, primary_key=True),
        sa.Column("record_id", _NAME, nullable=False),
    )
    op.create_index("line_results_record", "line_results", ["record_id"])
