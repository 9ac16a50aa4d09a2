"""The store's table of what is to be told to others. Conventions are those of `tables`, to whose metadata this belongs.

* `deliveries`: one row per target and event; `body` is what is sent, made once, so that every try sends the same. A row is due at
  `next_at` until `done_at` is set: delivered, or given up, and then `error` says why.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from proxy.ledger.tables import _name, _number, _text, metadata

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _name, primary_key=True),
    Column("target", _name, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    _text("body"),
    _number("attempts"),
    Column("next_at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    _text("error"),
    Index("deliveries_due", "done_at", "next_at"),
    Index("deliveries_at", "at"),
)
