"""The store's tables of how principals stand, and of what the host knows of them. Conventions are those of `tables`, to whose
metadata these belong.

* `standings`: one row per principal that ever stood otherwise than normal. `standing` is what evidence or a person gave it, `until`
  when it falls back by a step (null: never by itself); `set_by` the person, empty for the detector. Until `spared_until` a decision
  of a person keeps the detector from moving it; `round` counts dismissals, so that what comes after one is another finding.
* `standing_moves`: each move of a principal from one standing (`was`) to another. `cause`: `evidence | time | purpose | decision |
  person`; `finding_id` and `case_id` of what moved it, where there is one, `by` the person, empty for the proxy itself.
* `traits`: what ties principals to others that they cannot choose themselves (payment, sign-up, network owner); `value` is keyed.
* `group_ties`: what ties the accounts of a linked group by text, as JSON (`proxy.review.ties`); no text stands in it.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from proxy.ledger.tables import _name, _number, _serial, _text, metadata

standings = Table(
    "standings",
    metadata,
    Column("principal", _name, primary_key=True),
    Column("standing", Text, nullable=False),
    _text("group_key"),
    _number("since"),
    Column("until", BigInteger),
    _number("spared_until"),
    Column("round", Integer, nullable=False, server_default="0"),
    _text("set_by"),
    _text("note"),
    _number("changed_at"),
)

traits = Table(
    "traits",
    metadata,
    Column("principal", _name, primary_key=True),
    Column("trait", _name, primary_key=True),
    Column("value", _name, nullable=False),
    _number("at"),
)

standing_moves = Table(
    "standing_moves",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("principal", _name, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("was", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("cause", Text, nullable=False),
    *(_text(name) for name in ("group_key", "finding_id", "case_id", "by", "note")),
    Index("standing_moves_principal", "principal", "id"),
    Index("standing_moves_at", "at"),
)

group_ties = Table(
    "group_ties",
    metadata,
    Column("group_key", _name, primary_key=True),
    Column("at", BigInteger, nullable=False),
    _text("ties"),
)
