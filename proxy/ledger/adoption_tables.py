"""The store's table of who has read which row of the terms. Conventions are those of `tables`, to whose metadata it belongs.

`digest` is of the row as it was read; of several adoptions of a row the newest counts.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text

from proxy.ledger.tables import _name, _text, metadata

adoptions = Table(
    "adoptions",
    metadata,
    Column("row_name", _name, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("adopted_by", Text, nullable=False),
    _text("version"),
)
