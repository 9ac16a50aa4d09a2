"""The first form of the store.

On PostgreSQL `entries` is partitioned by day with a default partition, so that a day without a partition of its own is stored
all the same; partitions are made as days come and dropped as whole days go.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_INTENT = (
    *(("text", name) for name in ("instance",)),
    *(("number", name) for name in ("epoch", "seq")),
    *(("text", name) for name in ("principal", "credential", "key", "end_user", "purpose", "project", "upstream", "host")),
    *(("text", name) for name in ("dialect", "endpoint", "method", "target", "agent")),
    ("number", "retry"),
    *(("text", name) for name in ("model_requested", "inspection", "flags")),
    ("flag", "stream"),
    ("number", "request_bytes"),
    *(("text", name) for name in ("verdict", "decision", "clauses", "rules", "request_content")),
)
_OUTCOME = (
    ("text", "outcome_instance"),
    *(("number", name) for name in ("outcome_epoch", "outcome_seq", "status")),
    *(("text", name) for name in ("error", "model_returned", "upstream_request_id", "finish")),
    *(("number", name) for name in ("usage_input", "usage_output", "usage_cached", "usage_reasoning")),
    ("flag", "usage_estimated"),
    *(("number", name) for name in ("answer_bytes", "delivered_bytes", "first_byte_us", "duration_us")),
    ("text", "answer_content"),
)
_FILTERS = ("principal", "upstream", "endpoint", "purpose", "model_requested")
_UNCOMMON = {"outcome": "(outcome IS NULL OR outcome <> 'completed')", "decision": "decision <> 'allow'"}


def _columns(shape: tuple[tuple[str, str], ...]) -> list[sa.Column]:
    made = {
        "text": lambda name: sa.Column(name, sa.Text, nullable=False, server_default=""),
        "number": lambda name: sa.Column(name, sa.BigInteger, nullable=False, server_default="0"),
        "flag": lambda name: sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()),
    }
    return [made[kind](name) for kind, name in shape]


def _ledger_tables() -> None:
    op.create_table(
        "entries",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("evidence", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        postgresql_partition_by="RANGE (day)",
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE entries_default PARTITION OF entries DEFAULT")
    op.create_table(
        "cursors",
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("segment", sa.BigInteger, nullable=False),
        sa.Column("offset_bytes", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("commit_number", sa.Integer, nullable=False),
        sa.Column("commit_frames", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("instance", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("evidence", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
    )
    op.create_index("incidents_once", "incidents", ["instance", "epoch", "seq", "kind", "leaf"], unique=True)


def _exchange_tables() -> None:
    op.create_table(
        "exchanges",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("at", sa.BigInteger),
        *_columns(_INTENT),
        sa.Column("outcome", sa.Text),
        *_columns(_OUTCOME),
    )
    op.create_index("exchanges_at", "exchanges", ["at"])
    for name in _FILTERS:
        op.create_index(f"exchanges_{name}", "exchanges", [name, "at"])
    for name, condition in _UNCOMMON.items():
        where = sa.text(condition)
        op.create_index(f"exchanges_{name}", "exchanges", [name, "at"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "contents",
        sa.Column("record_id", _NAME, primary_key=True),
        sa.Column("part", sa.Text, primary_key=True),
        sa.Column("piece", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("coding", sa.SmallInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "content_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        *_columns((("text", "instance"), ("text", "principal"), ("text", "month"))),
        sa.Column("wrapped", sa.LargeBinary),
        sa.Column("destroyed_at", sa.BigInteger),
    )
    op.create_index("content_keys_month", "content_keys", ["month"])


def _principal_tables() -> None:
    op.create_table(
        "principals",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("purposes", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("project", sa.Text),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("suspended", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "principal_keys",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("principal", _NAME, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
    )
    op.create_index("principal_keys_principal", "principal_keys", ["principal"])


def upgrade() -> None:
    """From an empty database."""
    _ledger_tables()
    _exchange_tables()
    _principal_tables()
