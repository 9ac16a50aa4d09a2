"""The store's tables, as SQLAlchemy Core sees them; the migrations create them, a test keeps the two in step.

Times are integer microseconds since 1970 UTC (`at`, `*_at`, `until`), durations microseconds (`*_us`), days whole days since
1970 UTC. Lists and maps are JSON text. What each table is for:

* `entries`: the canonical bytes of every entry with its leaf hash, so that proofs need no segment. The key names the place
  first and the day last: the day has to be part of it (PostgreSQL partitions by day), the place is what readers ask for.
* `exchanges`: one row per record for queries, computed from the entries and so replaceable. `at` is null until the intent
  has been seen, `outcome` until the outcome has.
* `turns`: one row per turn of a session, computed from the entries like `exchanges`.
* `lines`: one row per line of a carrier, computed from the entries like `exchanges`; who asked stands in the carrier's row.
* `contents`: sealed content parts; `piece` is the byte offset of bytes that went to the spool ahead of their entry, or
  `OWN_PART` for the part that came with the entry.
* `content_keys`: content keys, wrapped under the master key. A destroyed key stays as a row without `wrapped`.
* `cursors`: how far each epoch is shipped; written in the transaction that writes the rows.
* `incidents`: what should never happen (`fork`, `damaged`, `removed`, `rewound`, `unsealable`, `unreadable`), with the evidence
  that has no other place.
* `principals`, `principal_keys`: principals added through the admin API. Virtual keys are kept as SHA-256.
* `mentions`: what a record refers to and what it made, until control has drawn its conclusions from it (ADR 0009).
* `reference_index`: where each object comes from that later calls may refer to; `key` in hex, `stamp` orders rows as they came.
* `batch_results`, `line_results`: which batch and which carrier a download answers, and which of the carrier's lines.

What is PostgreSQL's alone (partitions, conditions of indexes) stands in the migrations, which make its tables: named here, it would
load that dialect into every process, 3 MB.

Indexes end at `at`, not at `(at, id)`: entries of one microsecond are sorted by either database as they are read, and an index
without the id is half as large to write.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, Table, Text, false, text

OWN_PART = -1
"""The `piece` of the content part that came with its entry: salt, and the bytes that follow the pieces."""

AS_SEALED = 0
"""`coding` of a content row that was shipped as the gateway sealed it."""

COMPRESSED = 1
"""`coding` of a content row whose plaintext was compressed with zstd and sealed again under the same key."""

metadata = MetaData()

_name = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared byte by byte in either database: ids and names that pages and bounds go by."""

_serial = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


entries = Table(
    "entries",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("record_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", _name, primary_key=True),
    Column("at", BigInteger),
    _text("instance"),
    _number("epoch"),
    _number("seq"),
    _text("principal"),
    _text("credential"),
    _text("key"),
    _text("end_user"),
    _text("purpose"),
    _text("project"),
    _text("upstream"),
    _text("host"),
    _text("dialect"),
    _text("endpoint"),
    _text("method"),
    _text("target"),
    _text("agent"),
    _number("retry"),
    _text("model_requested"),
    _text("inspection"),
    _text("flags"),
    _flag("stream"),
    _number("request_bytes"),
    _text("verdict"),
    _text("decision"),
    _text("clauses"),
    _text("rules"),
    _text("request_content"),
    Column("outcome", Text),
    _text("outcome_instance"),
    _number("outcome_epoch"),
    _number("outcome_seq"),
    _number("status"),
    _text("error"),
    _text("model_returned"),
    _text("upstream_request_id"),
    _text("finish"),
    _number("usage_input"),
    _number("usage_output"),
    _number("usage_cached"),
    _number("usage_reasoning"),
    _flag("usage_estimated"),
    _number("answer_bytes"),
    _number("delivered_bytes"),
    _number("first_byte_us"),
    _number("duration_us"),
    _text("answer_content"),
)

FILTERS = ("principal", "upstream", "endpoint", "purpose", "model_requested")
"""The columns of `exchanges` that have an index of their own, each followed by `at`."""

UNCOMMON = {"outcome": "(outcome IS NULL OR outcome <> 'completed')", "decision": "decision <> 'allow'"}
"""Columns whose index holds only the rows that are not of the common kind, with the condition that a query has to repeat.

The common kind is found by `at` alone; an index over all rows would cost every exchange 2 µs.
"""

Index("exchanges_at", exchanges.c.at)
for _column in FILTERS:
    Index(f"exchanges_{_column}", exchanges.c[_column], exchanges.c.at)
for _column, _condition in UNCOMMON.items():
    _where = text(_condition)
    Index(f"exchanges_{_column}", exchanges.c[_column], exchanges.c.at, sqlite_where=_where)

turns = Table(
    "turns",
    metadata,
    Column("carrier", _name, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("instance", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    *(_text(name) for name in ("end_user", "model_requested", "model_returned", "inspection", "flags")),
    *(_number(name) for name in ("asked_from", "asked_to", "answered_from", "answered_to")),
    *(_number(name) for name in ("messages", "prompt_chars", "text_chars", "tool_calls", "asked_audio", "answered_audio")),
    *(_text(name) for name in ("verdict", "decision", "outcome", "error", "finish")),
    *(_number(name) for name in ("usage_input", "usage_output", "usage_cached", "usage_reasoning", "duration_us")),
)

lines = Table(
    "lines",
    metadata,
    Column("carrier", _name, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("instance", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    _text("custom_id"),
    Column("offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    *(_text(name) for name in ("end_user", "endpoint", "method", "target", "model_requested", "inspection", "flags")),
    *(_text(name) for name in ("verdict", "decision", "clauses", "rules")),
    Index("lines_custom_id", "carrier", "custom_id"),
)

contents = Table(
    "contents",
    metadata,
    Column("record_id", _name, primary_key=True),
    Column("part", Text, primary_key=True),
    Column("piece", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("coding", SmallInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

content_keys = Table(
    "content_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    _text("instance"),
    _text("principal"),
    _text("month"),
    Column("wrapped", LargeBinary),
    Column("destroyed_at", BigInteger),
    Index("content_keys_month", "month"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("instance", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("segment", BigInteger, nullable=False),
    Column("offset_bytes", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("commit_number", Integer, nullable=False),
    Column("commit_frames", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", _serial, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("evidence", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Index("incidents_once", "instance", "epoch", "seq", "kind", "leaf", unique=True),
)

mentions = Table(
    "mentions",
    metadata,
    Column("record_id", _name, primary_key=True),
    _text("refers"),
    _text("created"),
)

reference_index = Table(
    "reference_index",
    metadata,
    Column("key", _name, primary_key=True),
    Column("stamp", BigInteger, nullable=False),
    Column("record_id", _name, nullable=False),
    Column("at", BigInteger, nullable=False),
    _text("kind"),
    _text("principal"),
    _text("project"),
    _text("purpose"),
    _text("verdict"),
    _text("endpoint"),
    _text("model"),
    Index("reference_index_stamp", "stamp", "key"),
    Index("reference_index_record", "record_id", "key"),
)

batch_results = Table(
    "batch_results",
    metadata,
    Column("record_id", _name, primary_key=True),
    Column("batch", _name, nullable=False),
    Column("carrier", _name, nullable=False),
    _number("lines"),
    Index("batch_results_batch", "batch"),
)

line_results = Table(
    "line_results",
    metadata,
    Column("line_id", _name, primary_key=True),
    Column("record_id", _name, nullable=False),
    Index("line_results_record", "record_id"),
)

principals = Table(
    "principals",
    metadata,
    Column("name", _name, primary_key=True),
    Column("purposes", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("project", Text),
    Column("content", Text, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("limits", Text, nullable=False, server_default=""),
)

principal_keys = Table(
    "principal_keys",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("principal", _name, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Index("principal_keys_principal", "principal"),
)
