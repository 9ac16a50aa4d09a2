"""What people look at and decide (docs/adr/0015-findings-and-cases.md): findings, cases, digests, and how far readers have come."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=False, server_default="") for name in names]


def _named(*names: str) -> list[sa.Column]:
    return [sa.Column(name, _NAME, nullable=False, server_default="") for name in names]


def _numbers(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]


def upgrade() -> None:
    """Add five tables; nothing that is there changes."""
    op.create_table(
        "reader_cursors",
        sa.Column("reader", sa.Text, primary_key=True),
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    _findings()
    _cases()
    op.create_table(
        "digests",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *_numbers("count"),
        *_texts("sentences"),
    )


def _findings() -> None:
    op.create_table(
        "findings",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("dedup_key", _NAME, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        *_named("principal", "project", "group_key", "rule"),
        *_texts("purpose", "upstream", "endpoint", "clauses", "policies", "detector"),
        *_texts("sentences", "contributions", "exculpatory", "detail"),
        *_texts("first_record", "last_record"),
        *_numbers("first_at", "last_at", "count"),
        sa.Column("shadow", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("state", sa.Text, nullable=False, server_default="open"),
        *_texts("decision", "decided_by", "note"),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("until", sa.BigInteger),
        *_named("case_id"),
        sa.Column("digest_day", sa.Integer),
    )
    op.create_index("findings_at", "findings", ["at"])
    for name, column in [
        ("kind", "kind"),
        ("state", "state"),
        ("principal", "principal"),
        ("rule", "rule"),
        ("case", "case_id"),
    ]:
        op.create_index(f"findings_{name}", "findings", [column, "at"])
    op.create_index("findings_digest", "findings", ["kind", "digest_day"])


def _cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", _NAME, primary_key=True),
        sa.Column("subject_kind", sa.Text, nullable=False),
        sa.Column("subject", _NAME, nullable=False),
        *_named("project"),
        sa.Column("state", sa.Text, nullable=False, server_default="open"),
        sa.Column("severity", sa.Text, nullable=False),
        *_named("assignee"),
        sa.Column("due", sa.BigInteger),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("decided_at", sa.BigInteger),
        sa.Column("closed_at", sa.BigInteger),
        *_texts("decision", "decided_by", "note"),
        sa.Column("until", sa.BigInteger),
        *_numbers("reopened"),
    )
    op.create_index("cases_subject", "cases", ["subject_kind", "subject"], unique=True)
    op.create_index("cases_opened_at", "cases", ["opened_at"])
    op.create_index("cases_state", "cases", ["state", "opened_at"])
    op.create_index("cases_assignee", "cases", ["assignee", "opened_at"])
    op.create_table(
        "case_events",
        sa.Column("id", _SERIAL, primary_key=True),
        *_named("case_id", "finding_id"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        *_texts("by", "note", "detail"),
    )
    op.create_index("case_events_case", "case_events", ["case_id", "id"])
    op.create_index("case_events_finding", "case_events", ["finding_id", "id"])
