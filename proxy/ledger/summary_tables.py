"""The store's tables of what is counted ahead, and of what waits for a second person. Conventions are those of `tables`, to whose
metadata these belong.

* `hourly`: ended exchanges by the hour in which they began (`hour`: microseconds since 1970 UTC) and what they have in common.
* `hourly_principals`: the same by principal; beyond so many names in an hour they are counted together.
* `approvals`: what one person asked for and another has to approve. `state`: `asked | approved | rejected`; `action`: `suspend |
  erase`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from proxy.ledger.tables import _name, _number, _text, metadata

hourly = Table(
    "hourly",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    *(Column(name, _name, primary_key=True) for name in ("upstream", "purpose", "decision", "outcome")),
    _number("exchanges"),
)

hourly_principals = Table(
    "hourly_principals",
    metadata,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("principal", _name, primary_key=True),
    _number("exchanges"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", _name, primary_key=True),
    Column("action", Text, nullable=False),
    Column("principal", _name, nullable=False),
    _text("case_id"),
    Column("state", Text, nullable=False, server_default="asked"),
    Column("asked_at", BigInteger, nullable=False),
    Column("asked_by", Text, nullable=False),
    _text("reason"),
    Column("decided_at", BigInteger),
    _text("decided_by"),
    _text("note"),
    Index("approvals_state", "state", "id"),
    Index("approvals_principal", "principal", "id"),
)
