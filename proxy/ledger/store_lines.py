"""Queries of lines: pages of a carrier's, with their content opened from the carrier's seal; a line by the client's name for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import RowMapping, func, select, tuple_

from proxy.ledger import store_content, store_exchanges
from proxy.ledger.record import Line, decode, line_salt
from proxy.ledger.store import Store
from proxy.ledger.store_content import NotShownError
from proxy.ledger.store_exchanges import BadCursorError, Evidence
from proxy.ledger.tables import entries, lines

MOST_OF_A_PAGE = 500
MOST_SHOWN_BYTES = 16 * 1024 * 1024
"""Bytes of lines that are opened for one page; what is beyond has the reason `large`."""

ENCODED = "encoded_lines"
"""Flag of a carrier that came content-encoded: its lines' places are those in the decoded body, and are not opened here."""

_LISTS = ("flags", "clauses", "rules")


@dataclass(frozen=True)
class ShownLine:
    """A line: its `row` by the names of the record, its `content`, or the `reason` why there is none.

    Reasons are those of `store_content`, and `encoded`.

    `opens`: whether its commitment opens to these bytes; None when there is nothing to hold against it.
    """

    row: dict[str, Any]
    content: bytes | None
    reason: str
    opens: bool | None


async def count(store: Store, carrier: str) -> int:
    """How many lines of a carrier are shipped. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        found = await connection.execute(select(func.count()).select_from(lines).where(lines.c.carrier == carrier))
        return int(found.scalar_one())


async def decided(store: Store, carrier: str) -> dict[str, tuple[int, int]]:
    """How often each decision was recorded of a carrier's lines, and the number of the first of them. Raises:
    StoreUnavailableError.
    """
    columns = lines.c
    query = select(columns.decision, func.count(), func.min(columns.number)).where(columns.carrier == carrier)
    async with store.read() as connection:
        return {row[0]: (row[1], row[2]) for row in await connection.execute(query.group_by(columns.decision))}


async def evidence_of(store: Store, carrier: str, number: int) -> bytes:
    """The entry of a line that is there. Raises: StoreUnavailableError."""
    columns = lines.c
    same = (entries.c.instance == columns.instance) & (entries.c.epoch == columns.epoch) & (entries.c.seq == columns.seq)
    query = select(entries.c.evidence).join(lines, same).where(columns.carrier == carrier, columns.number == number)
    async with store.read() as connection:
        return bytes((await connection.execute(query)).scalar_one())


async def page(
    store: Store, carrier: Evidence, master: AESGCM, *, limit: int = 50, cursor: str | None = None
) -> tuple[list[ShownLine], str | None]:
    """At most `limit` lines of a carrier in order, and the cursor of the next page (None after the last).

    Raises: BadCursorError, StoreUnavailableError.
    """
    query = select(lines).where(lines.c.carrier == carrier.row["id"], lines.c.number > _parsed(cursor))
    async with store.read() as connection:
        rows = (await connection.execute(query.order_by(lines.c.number).limit(limit + 1))).mappings().all()
        shown = rows[:limit]
        known = await _entries(connection, shown)
    after = str(shown[-1]["number"]) if len(rows) > limit else None
    return await _opened(store, carrier, master, shown, known), after


def _parsed(cursor: str | None) -> int:
    if cursor is None:
        return -1
    if not cursor.isdecimal() or len(cursor) > 18:
        raise BadCursorError("this cursor was not made by this API; begin again without one")
    return int(cursor)


async def listed(store: Store, carrier: str, *, limit: int = 50) -> list[dict[str, Any]]:
    """The first lines of a carrier in order, by the names of the record; nothing is opened. Raises: StoreUnavailableError."""
    query = select(lines).where(lines.c.carrier == carrier).order_by(lines.c.number).limit(limit)
    async with store.read() as connection:
        return [_named(row) for row in (await connection.execute(query)).mappings()]


async def _entries(connection: Any, rows: Sequence[RowMapping]) -> dict[str, Line]:
    """The evidence of each line, by the line's id; none of those whose entries have gone."""
    if not rows:
        return {}
    key = (entries.c.instance, entries.c.epoch, entries.c.seq)
    places = [(row["instance"], row["epoch"], row["seq"]) for row in rows]
    found = {}
    for (evidence,) in await connection.execute(
        select(entries.c.evidence).where(tuple_(*key).in_(places), entries.c.kind == "line")
    ):
        entry = decode(bytes(evidence))
        if isinstance(entry, Line):
            found[entry.id] = entry
    return found


async def _opened(
    store: Store, carrier: Evidence, master: AESGCM, rows: Sequence[RowMapping], known: dict[str, Line]
) -> list[ShownLine]:
    few = 0
    size = 0
    encoded = ENCODED in (carrier.row["flags"] or "")
    while not encoded and few < len(rows) and (size := size + rows[few]["length"]) <= MOST_SHOWN_BYTES:
        few += 1
    reason, salt, found = "encoded" if encoded else "large", b"", list[bytes]()
    if few:
        try:
            salt, found = await _contents(store, carrier, master, rows[:few], known)
        except NotShownError as error:
            few, reason = 0, str(error)
    shown = []
    for at, row in enumerate(rows):
        content = found[at] if at < few else None
        opens = None
        if content is not None and row["id"] in known:
            opens = hashlib.sha256(line_salt(salt, row["number"]) + content).hexdigest() == known[row["id"]].received
        shown.append(ShownLine(_named(row), content, "" if content is not None else reason, opens))
    return shown


async def _contents(
    store: Store, carrier: Evidence, master: AESGCM, rows: Sequence[RowMapping], known: dict[str, Line]
) -> tuple[bytes, list[bytes]]:
    """The carrier's salt and the bytes of its lines: at their places in its body, or joined from pieces of other records.

    Raises: NotShownError; StoreUnavailableError.
    """
    pieces = {row["id"]: known[row["id"]].pieces for row in rows if row["id"] in known and known[row["id"]].pieces}
    places = [(0, 0) if row["id"] in pieces else (row["offset"], row["length"]) for row in rows]
    salt, found = await store_content.request_places(store, carrier, master, places)
    wanted: dict[str, list[tuple[int, int]]] = {}
    for parts in pieces.values():
        for piece in parts:
            wanted.setdefault(piece.id, []).append((piece.offset, piece.length))
    held: dict[tuple[str, int, int], bytes] = {}
    for record, where in wanted.items():
        where.sort()
        evidence = await store_exchanges.record(store, record)
        if evidence is None:
            raise NotShownError("erased")
        _, bodies = await store_content.request_places(store, evidence, master, where)
        held |= {(record, *place): body for place, body in zip(where, bodies, strict=True)}
    for at, row in enumerate(rows):
        if row["id"] in pieces:
            found[at] = b"".join(held[piece.id, piece.offset, piece.length] for piece in pieces[row["id"]])
    return salt, found


def _named(row: RowMapping) -> dict[str, Any]:
    found = dict(row)
    for name in _LISTS:
        found[name] = msgspec.json.decode(found[name]) if found[name] else []
    return found
