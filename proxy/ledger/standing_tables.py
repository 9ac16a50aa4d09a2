"""The store's tables of how principals stand, and of what the host knows of them. Conventions are those of `tables`, to whose
metadata these belong.

* `standings`: one row per principal that ever stood otherwise than normal. `standing` is what evidence or a person gave it, `until`
  when it falls back by a step (null: never by itself); `set_by` the person, empty for the detector. Until `spared_until` a decision
  of a person keeps the detector from moving it; `round` counts dismissals, so that what comes after one is another finding.
* `traits`: what ties principals to others that they cannot choose themselves (payment, sign-up, network owner); `value` is keyed.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from proxy.ledger.tables import _name, _number, _text, metadata

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
