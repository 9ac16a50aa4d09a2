"""Reads the ledger in the order of its epochs, for whoever draws conclusions from it: each reader has a durable place per epoch.

An exchange is read when it has ended, by its intent's evidence and its end together; a refusal, a line and a turn when they are
written. A reader moves its place in the transaction that writes its conclusions, by `advance`: so what it concluded and how far it
has come are one, and of two control processes on one database only one gets there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core.errors import TosProxyError
from proxy.ledger.store import Store
from proxy.ledger.store_query import Query, rows
from proxy.ledger.store_rows import json_text

SLICE = 250
"""Records read at a time: a millisecond or two of the loop."""

_PLACES = Query(
    "SELECT c.instance, c.epoch, coalesce(r.seq, 0) AS after_seq, c.seq FROM cursors c "
    "LEFT JOIN reader_cursors r ON r.reader = :reader AND r.instance = c.instance AND r.epoch = c.epoch "
    "WHERE c.seq > coalesce(r.seq, 0) ORDER BY c.instance, c.epoch"
)
# The day is part of the key by which PostgreSQL finds an intent: without it, every partition would be asked.
_ENDED = Query(
    "SELECT e.seq, e.kind, coalesce(x.status, 0) AS status, "
    "CASE WHEN e.kind = 'outcome' THEN i.evidence ELSE e.evidence END AS evidence, "
    "CASE WHEN e.kind = 'outcome' AND :whole THEN e.evidence END AS ending FROM entries e "
    "LEFT JOIN exchanges x ON e.kind = 'outcome' AND x.id = e.record_id "
    "LEFT JOIN entries i ON i.instance = x.instance AND i.epoch = x.epoch AND i.seq = x.seq AND i.day = x.at / 86400000000 "
    "WHERE e.instance = :instance AND e.epoch = :epoch AND e.seq > :after AND e.seq <= :upto "
    "AND e.kind IN ('outcome', 'refusal', 'line', 'turn') ORDER BY e.seq LIMIT :most"
)
_TAKEN = "WHERE EXISTS (SELECT 1 FROM exchanges x WHERE x.principal = n.value AND x.status BETWEEN 1 AND 399)"
_ANSWERED = {
    "sqlite": text(f"SELECT n.value FROM json_each(:names) n {_TAKEN}"),  # noqa: S608 - constants of this file
    "postgresql": text(f"SELECT n.value FROM json_array_elements_text(CAST(:names AS json)) AS n(value) {_TAKEN}"),  # noqa: S608
}
_BEGIN = text(
    "INSERT INTO reader_cursors (reader, instance, epoch, seq, at) VALUES (:reader, :instance, :epoch, 0, :at) "
    "ON CONFLICT DO NOTHING"
)
_ADVANCE = text(
    "UPDATE reader_cursors SET seq = :reached, at = :at "
    "WHERE reader = :reader AND instance = :instance AND epoch = :epoch AND seq = :after"
)


class OvertakenError(TosProxyError):
    """Another process has read these entries and written what follows from them."""


@dataclass(frozen=True)
class Place:
    """Of one epoch, what a reader has not read yet: the entries behind `after`, up to `upto`, which are in the store."""

    instance: str
    epoch: int
    after: int
    upto: int


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A record that can be judged: `kind` is that of the entry that ended it (`outcome | refusal | line | turn`), `status` the
    upstream's (only of an outcome; 0 when there was none), `evidence` the canonical bytes of what was asked, `ending` those of the
    outcome (where they were asked for).
    """

    kind: str
    status: int
    evidence: bytes
    ending: bytes = b""


async def places(store: Store, reader: str) -> list[Place]:
    """Epochs that hold entries which this reader has not read. Raises: StoreUnavailableError."""
    return [Place(*row) for row in await rows(store, _PLACES, {"reader": reader})]


async def ended(store: Store, place: Place, after: int, most: int = SLICE, *, whole: bool = False) -> tuple[list[Ended], int]:
    """At most `most` records of an epoch behind `after`, in order, and the number of the entry that has been reached with them.
    `whole`: with the evidence of their outcomes.

    An outcome whose intent is not in the store (gone by retention) is passed over. Raises: StoreUnavailableError.
    """
    asked = {"instance": place.instance, "epoch": place.epoch, "after": after, "upto": place.upto, "most": most, "whole": whole}
    found = await rows(store, _ENDED, asked)
    reached = int(found[-1][0]) if len(found) == most else place.upto
    return [Ended(row[1], row[2], row[3], row[4] or b"") for row in found if row[3] is not None], reached


async def answered(store: Store, principals: Collection[str]) -> set[str]:
    """Those of the principals that an upstream has ever answered with less than 400. What it costs grows with the calls of those
    that were not. Raises: StoreUnavailableError.
    """
    async with store.read() as connection:
        found = await connection.execute(_ANSWERED[store.dialect], {"names": json_text(list(principals))})
        return set(found.scalars())


async def advance(connection: AsyncConnection, reader: str, place: Place, reached: int, at: int) -> None:
    """Move the reader's place from `place.after` to `reached`. First in a transaction, so that of two readers one waits.

    Raises: OvertakenError.
    """
    moved = {"reader": reader, "instance": place.instance, "epoch": place.epoch, "at": at}
    await connection.execute(_BEGIN, moved)
    done = await connection.execute(_ADVANCE, moved | {"after": place.after, "reached": reached})
    if not done.rowcount:
        raise OvertakenError(f"another process has read {place.instance} epoch {place.epoch} further")
