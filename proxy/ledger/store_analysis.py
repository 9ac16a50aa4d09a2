"""Reads ended exchanges for whoever measures them: slices in the order of an epoch, beginnings of what they sealed in bulk.

A reader that only feeds what is in memory keeps no place of its own but how far it got (`reached`), so that the next process knows
how far back to begin.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.ledger.store import Store
from proxy.ledger.store_content import Keys, NotShownError, _split, _unsealed
from proxy.ledger.store_keys import unwrap_stored
from proxy.ledger.store_query import Query, rows
from proxy.ledger.store_rows import json_text
from proxy.ledger.tables import OWN_PART, content_keys

_EPOCHS = Query(
    "SELECT c.instance, c.epoch, c.seq, c.at, coalesce(r.seq, 0) FROM cursors c "
    "LEFT JOIN reader_cursors r ON r.reader = :reader AND r.instance = c.instance AND r.epoch = c.epoch "
    "WHERE c.at >= :since OR c.at = 0 ORDER BY CASE WHEN c.at = 0 THEN 1 ELSE 0 END, c.at, c.instance, c.epoch"
)
"""Where what was shipped last held no entry (pieces of an answer under way), an epoch has the time 0: it is alive."""

# The day is part of the key by which PostgreSQL finds an intent: without it, every partition would be asked.
_ENDED = Query(
    "SELECT e.seq, e.record_id, e.kind, coalesce(x.status, 0), CASE WHEN e.kind = 'turn' THEN e.evidence ELSE i.evidence END, "
    "e.evidence FROM entries e "
    "LEFT JOIN exchanges x ON e.kind = 'outcome' AND x.id = e.record_id "
    "LEFT JOIN entries i ON i.instance = x.instance AND i.epoch = x.epoch AND i.seq = x.seq AND i.day = x.at / 86400000000 "
    "WHERE e.instance = :instance AND e.epoch = :epoch AND e.seq > :after AND e.seq <= :upto "
    "AND e.kind IN ('outcome', 'turn') ORDER BY e.seq LIMIT :most"
)
_FIRST = (
    "SELECT c.record_id, c.part, c.piece, c.key_id, c.coding, c.sealed FROM {0} "
    "WHERE c.piece < :most ORDER BY c.record_id, c.part, c.piece"
)
_BEGINNINGS = Query(
    _FIRST.format("json_each(:ids) n JOIN contents c ON c.record_id = n.value"),
    _FIRST.format("json_array_elements_text(CAST(:ids AS json)) AS n(value) JOIN contents c ON c.record_id = n.value"),
)
_REACHED = text(
    "INSERT INTO reader_cursors (reader, instance, epoch, seq, at) VALUES (:reader, :instance, :epoch, :seq, :at) "
    "ON CONFLICT (reader, instance, epoch) DO UPDATE SET at = excluded.at, "
    "seq = CASE WHEN excluded.seq > reader_cursors.seq THEN excluded.seq ELSE reader_cursors.seq END"
)
_SIDE = itemgetter(0, 1)
_KEY_SECONDS = 60.0
_MOST_KEYS = 10_000


@dataclass(frozen=True)
class Epoch:
    """An epoch that was shipped to `upto`, lastly at `last_at`; a reader has been at `reached` before, 0 for never."""

    instance: str
    epoch: int
    upto: int
    last_at: int
    reached: int


class Ending(msgspec.Struct, frozen=True, gc=False):
    """An exchange that has ended, or a turn: `asked` and `ended` are canonical bytes, of a turn the same twice. `status`: the
    upstream's, 0 where there was none.
    """

    seq: int
    id: str
    kind: str
    status: int
    asked: bytes
    ended: bytes


class Opened(msgspec.Struct, gc=False):
    """What was opened of one record: the first bytes of the request and of the answer, None where nothing could be."""

    request: bytes | None = None
    answer: bytes | None = None


async def epochs(store: Store, reader: str, since: int) -> list[Epoch]:
    """Epochs with entries after `since` (microseconds since 1970), the oldest first. Raises: StoreUnavailableError."""
    return [Epoch(*row) for row in await rows(store, _EPOCHS, {"reader": reader, "since": since})]


async def ended(store: Store, epoch: Epoch, after: int, most: int) -> tuple[list[Ending], int]:
    """At most `most` that ended behind `after`, in order, and the number of the entry that has been reached with them.

    One whose intent is gone by retention is passed over. Raises: StoreUnavailableError.
    """
    asked = {"instance": epoch.instance, "epoch": epoch.epoch, "after": after, "upto": epoch.upto, "most": most}
    found = await rows(store, _ENDED, asked)
    reached = int(found[-1][0]) if len(found) == most else epoch.upto
    return [Ending(*row) for row in found if row[4] is not None], reached


async def reached(connection: AsyncConnection, reader: str, epoch: Epoch, seq: int, at: int) -> None:
    """Write down how far a reader got; it never goes back."""
    row = {"reader": reader, "instance": epoch.instance, "epoch": epoch.epoch, "seq": seq, "at": at}
    await connection.execute(_REACHED, row)


class Beginnings:
    """Opens contents in bulk. Keys are remembered for a minute, so that one that is destroyed is forgotten soon."""

    def __init__(self, store: Store, master: AESGCM) -> None:
        self._store = store
        self._master = master
        self._keys: dict[str, tuple[AESGCM | None, bool]] = {}
        self._since = 0.0

    async def of(self, ids: Collection[str], most: int) -> dict[str, Opened]:
        """What the records with these ids sealed, each side as far as its pieces that begin within `most` bytes.

        Raises: StoreUnavailableError.
        """
        pieces = await rows(self._store, _BEGINNINGS, {"ids": json_text(sorted(ids)), "most": most})
        await self._learn({row[3] for row in pieces})
        return await asyncio.to_thread(_opened, ids, pieces, self._keys)

    async def _learn(self, names: set[str]) -> None:
        if time.monotonic() - self._since > _KEY_SECONDS or len(self._keys) > _MOST_KEYS:
            self._keys.clear()
            self._since = time.monotonic()
        if new := names - self._keys.keys():
            query = select(content_keys.c.key_id, content_keys.c.wrapped).where(content_keys.c.key_id.in_(new))
            async with self._store.read() as connection:
                for name, wrapped in await connection.execute(query):
                    self._keys[name] = unwrap_stored(self._master, name, wrapped), bool(wrapped)


def _opened(ids: Collection[str], pieces: Sequence[Sequence[Any]], keys: Keys) -> dict[str, Opened]:
    """What records sealed, from all their pieces in order. In a thread: it opens megabytes."""
    found = {name: Opened() for name in ids}
    for (name, side), own in groupby(pieces, key=_SIDE):
        content = _joined(name, own, keys)
        if side == "request":
            found[name].request = content
        else:
            found[name].answer = content
    return found


def _joined(record_id: str, pieces: Iterable[Sequence[Any]], keys: Keys) -> bytes | None:
    """Pieces in order up to the first that is missing, then what came with the entry. Overlaps are used once."""
    ahead = bytearray()
    own = b""
    try:
        for _, _, piece, key, coding, sealed in pieces:
            plain = _unsealed(record_id, key, coding, sealed, keys)
            if piece == OWN_PART:
                own = _split(plain)[1]
            elif piece <= len(ahead) < piece + len(plain):
                ahead += plain[len(ahead) - piece :]
    except NotShownError:
        return None
    return bytes(ahead) + own if ahead else own
