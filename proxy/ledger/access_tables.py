"""The store's tables of who may use the admin API and its pages. Conventions are those of `tables`, to whose metadata these belong.

* `users`: people. `password` is an argon2id hash, empty for those who come by single sign-on, whom `subject` (`<issuer>#<sub>`)
  names.
* `api_tokens`: what programs send. Of a token only its SHA-256 is kept. `scopes` are JSON; a token can do no more than its user.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, false

from proxy.ledger.tables import _name, _text, metadata

users = Table(
    "users",
    metadata,
    Column("name", _name, primary_key=True),
    Column("role", Text, nullable=False),
    _text("password"),
    Column("subject", _name, nullable=False, server_default=""),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index("users_subject", "subject"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", _name, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("user_name", _name, nullable=False),
    _text("title"),
    _text("scopes"),
    Column("created_at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("revoked_at", BigInteger),
    Index("api_tokens_user", "user_name", "created_at"),
)
