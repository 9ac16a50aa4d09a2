"""The store's tables of what people look at and decide: findings, cases, digests; and how far readers of the ledger have come.

Conventions are those of `tables`, to whose metadata these belong. What each table is for:

* `reader_cursors`: how far a reader (`findings` …) has gone through an epoch; written in the transaction of what it concluded.
* `findings`: one row per thing that needs a decision. `dedup_key` makes it one: what comes again adds to `count` and moves
  `last_*`. `kind`: `extraction | question | terms | integrity`; `severity`: `notice | low | medium | high`; `state`: `open |
  decided`. `group_key` names a linked group, `detector` the version of what found it, `policies` the bundle in force. `sentences`,
  `contributions`, `exculpatory`, `detail` are JSON (docs/adr/0015-findings-and-cases.md). `digest_day`: the digest that showed it.
* `cases`: one row per principal or linked group that findings were raised about, opened again by new ones. `state`: `open |
  assigned | decided | closed`.
* `case_events`: who did what to a case or a finding, in order; a note is the event `note`.
* `digests`: one row per kind and day: how many findings of that kind the day's digest told of, and what it said.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, false

from proxy.ledger.tables import _name, _number, _serial, _text, metadata

reader_cursors = Table(
    "reader_cursors",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("instance", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)


def _named(name: str) -> Column[str]:
    return Column(name, _name, nullable=False, server_default="")


findings = Table(
    "findings",
    metadata,
    Column("id", _name, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("dedup_key", _name, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    *(_named(name) for name in ("principal", "project", "group_key", "rule")),
    *(_text(name) for name in ("purpose", "upstream", "endpoint", "clauses", "policies", "detector")),
    *(_text(name) for name in ("sentences", "contributions", "exculpatory", "detail")),
    *(_text(name) for name in ("first_record", "last_record")),
    *(_number(name) for name in ("first_at", "last_at", "count")),
    Column("shadow", Boolean, nullable=False, server_default=false()),
    Column("state", Text, nullable=False, server_default="open"),
    *(_text(name) for name in ("decision", "decided_by", "note")),
    Column("decided_at", BigInteger),
    Column("until", BigInteger),
    _named("case_id"),
    Column("digest_day", Integer),
    Index("findings_at", "at"),
    Index("findings_kind", "kind", "at"),
    Index("findings_state", "state", "at"),
    Index("findings_principal", "principal", "at"),
    Index("findings_rule", "rule", "at"),
    Index("findings_case", "case_id", "at"),
    Index("findings_digest", "kind", "digest_day"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", _name, primary_key=True),
    Column("subject_kind", Text, nullable=False),
    Column("subject", _name, nullable=False),
    _named("project"),
    Column("state", Text, nullable=False, server_default="open"),
    Column("severity", Text, nullable=False),
    _named("assignee"),
    Column("due", BigInteger),
    Column("opened_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
    Column("closed_at", BigInteger),
    *(_text(name) for name in ("decision", "decided_by", "note")),
    Column("until", BigInteger),
    _number("reopened"),
    Index("cases_subject", "subject_kind", "subject", unique=True),
    Index("cases_opened_at", "opened_at"),
    Index("cases_state", "state", "opened_at"),
    Index("cases_assignee", "assignee", "opened_at"),
)

case_events = Table(
    "case_events",
    metadata,
    Column("id", _serial, primary_key=True),
    _named("case_id"),
    _named("finding_id"),
    Column("at", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    *(_text(name) for name in ("by", "note", "detail")),
    Index("case_events_case", "case_id", "id"),
    Index("case_events_finding", "finding_id", "id"),
)

digests = Table(
    "digests",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    _number("count"),
    _text("sentences"),
)
