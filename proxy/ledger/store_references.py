"""The reference index in the store: what records made, found by key and followed by stamp (docs/adr/0009-reference-index.md).

The shipper notes what a record refers to and what it made (`mentions`), in the transaction that writes the record; `settle` draws
the conclusions once the record has ended. What its gateway did not know yet, since another one had just made it, stays a miss in
the record; conclusions are drawn by what the store knows, and once more after `GRACE_US` where it does not know it either.
Everything here may be done again, or by two control processes at once, with the same effect.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import RowMapping, and_, delete, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.core.clock import SystemClock
from proxy.core.references import Origin, Refer, attributed, kind_of, reference_key, strictest
from proxy.ledger import store_query
from proxy.ledger.store import Store
from proxy.ledger.tables import exchanges, mentions, reference_index

SLICE = 500
"""Mentions settled in one transaction."""

GRACE_US = 2_000_000
"""How long the record of what a call refers to may take longer to get here than the call's own, from another gateway."""

_PAGE = 5000
_MOST_AFTER = 10_000
_FIELDS = ("record_id", "at", "kind", "principal", "project", "purpose", "verdict", "endpoint", "model")
_WAITING = store_query.Query("SELECT record_id FROM mentions LIMIT 1")
_INSERT = text(  # SQLAlchemy's own form of it would bring the modules of both databases into the process
    "INSERT INTO reference_index (key, stamp, record_id, at, kind, principal, project, purpose, verdict, endpoint, model) "
    "VALUES (:key, :stamp, :record_id, :at, :kind, :principal, :project, :purpose, :verdict, :endpoint, :model) "
    "ON CONFLICT DO NOTHING"
)
_STAMP = "pg_current_xact_id()::text::bigint"
_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_NEXT = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_LAST = "coalesce(max(stamp), 0) FROM reference_index"
_decode_refers = msgspec.json.Decoder(tuple[Refer, ...]).decode
_decode_created = msgspec.json.Decoder(list[str]).decode

Entry = tuple[bytes, Origin]
"""Key and origin of an object."""


@dataclass(frozen=True)
class Download:
    """An exchange that may have brought results: what it asked for, and where that comes from."""

    record: str
    endpoint: str
    dialect: str
    upstream: str
    origin: Origin


@dataclass
class Settled:
    """What one call of `settle` did: records looked at, those of them that stay noted because they may be understood better in a
    moment, and downloads still to be tied to their lines.
    """

    records: int = 0
    kept: list[str] = field(default_factory=list)
    downloads: list[Download] = field(default_factory=list)


async def waiting(store: Store) -> bool:
    """Whether there may be anything to settle. Raises: StoreUnavailableError."""
    return bool(await store_query.rows(store, _WAITING, {}))


async def settle(store: Store, key: bytes, results: tuple[str, ...], now_us: int = 0, later: Collection[str] = ()) -> Settled:
    """Take what ended records made into the index. Downloads (of an endpoint in `results`) stay noted until `forget` is called.

    `key`: `core.references.subkey` of the deployment's identity key. `now_us`: microseconds since 1970, by which `kept` goes; with
    0 nothing is kept. `later`: records that were kept and whose time has not come. Raises:
    StoreUnavailableError, with nothing done.
    """
    done = Settled()
    async with store.write() as connection:
        rows = await _ended(connection, later)
        known: dict[bytes, Origin] = {}
        new: dict[bytes, Origin] = {}
        for row in rows:
            upstream = row["upstream"]
            refers = _decode_refers(row["refers"]) if row["refers"] else ()
            wanted = {reference_key(key, upstream, refer.ref): refer for refer in refers}
            known |= await _origins(connection, wanted.keys() - known.keys() - new.keys()) if wanted else {}
            found = {
                refer.ref: made for one, refer in wanted.items() if (made := _found(new.get(one) or known.get(one), refer, row))
            }
            refers = tuple([_resolved(refer, found.get(refer.ref)) for refer in refers])
            created, about = attributed(row["method"], _decode_created(row["created"]) if row["created"] else [], refers)
            origin = found[about.ref] if about is not None and not about.miss else None
            for ref in created:
                new.setdefault(reference_key(key, upstream, ref), origin or _own(row, ref, refers))
            if row["endpoint"] in results and row["method"] == "GET" and found:
                whence = next(iter(found.values()))
                done.downloads.append(Download(row["record_id"], row["endpoint"], row["dialect"], upstream, whence))
            elif row["at"] > now_us - GRACE_US and now_us and any(refer.miss for refer in refers):
                done.kept.append(row["record_id"])
        done.records = len(rows)
        await _insert(store, connection, new)
        later = {*done.kept, *(download.record for download in done.downloads)}
        await _forget(connection, [row["record_id"] for row in rows if row["record_id"] not in later])
    return done


async def add(store: Store, new: dict[bytes, Origin]) -> None:
    """Take further objects into the index, by key; known ones stay as they are. Raises: StoreUnavailableError."""
    async with store.write() as connection:
        await _insert(store, connection, new)


async def forget(store: Store, records: Iterable[str]) -> None:
    """These records' mentions are dealt with. Raises: StoreUnavailableError."""
    async with store.write() as connection:
        await _forget(connection, list(records))


async def _forget(connection: AsyncConnection, records: list[str]) -> None:
    if records:
        await connection.execute(delete(mentions).where(mentions.c.record_id.in_(records)))


async def _ended(connection: AsyncConnection, later: Collection[str]) -> list[RowMapping]:
    """Mentions of records that have ended, oldest first, so that makers come before those who refer to them."""
    columns = exchanges.c
    asked = (columns.at, columns.principal, columns.project, columns.purpose, columns.verdict, columns.upstream, columns.dialect)
    query = (
        select(mentions.c.record_id, mentions.c.refers, mentions.c.created, *asked)
        .add_columns(columns.endpoint, columns.method, columns.model_requested)
        .join(exchanges, columns.id == mentions.c.record_id)
        .where(columns.at.is_not(None), columns.outcome.is_not(None))
        .order_by(mentions.c.record_id)
        .limit(SLICE)
        .with_for_update(of=mentions, skip_locked=True)
    )
    if later:
        query = query.where(mentions.c.record_id.not_in(later))
    return list((await connection.execute(query)).mappings().all())


async def _origins(connection: AsyncConnection, keys: Iterable[bytes]) -> dict[bytes, Origin]:
    named = [key.hex() for key in keys]
    if not named:
        return {}
    query = select(reference_index).where(reference_index.c.key.in_(named))
    return dict(_entry(row) for row in (await connection.execute(query)).mappings())


async def find(store: Store, key: bytes) -> Origin | None:
    """Where an object comes from, by its `reference_key`; None when it is not known. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        return (await _origins(connection, (key,))).get(key)


def _found(made: Origin | None, refer: Refer, row: RowMapping) -> Origin | None:
    """Where what a record refers to comes from; None when nobody knows. What its gateway missed was there before the record was."""
    if refer.miss:
        return made if made is not None and made.record != row["record_id"] and made.at <= row["at"] else None
    return made or _told(refer, row)


def _resolved(refer: Refer, origin: Origin | None) -> Refer:
    """A reference as it is known here: one that its gateway missed may be known by now."""
    if not refer.miss or origin is None:
        return refer
    return Refer(refer.ref, origin.record, origin.principal, origin.purpose, origin.verdict)


def _told(refer: Refer, row: RowMapping) -> Origin:
    """As much of an origin as the gateway wrote down: its maker's record is not shipped yet, or has gone."""
    return Origin(refer.record, row["at"], kind_of(refer.ref), refer.principal, "", refer.purpose, refer.verdict, "", "")


def _own(row: RowMapping, ref: str, refers: tuple[Refer, ...]) -> Origin:
    """The origin of what a record made itself."""
    verdict = strictest(row["verdict"], *(refer.verdict for refer in refers))
    whom = (row["principal"], row["project"], row["purpose"])
    return Origin(row["record_id"], row["at"], kind_of(ref), *whom, verdict, row["endpoint"], row["model_requested"])


async def _insert(store: Store, connection: AsyncConnection, new: dict[bytes, Origin]) -> None:
    """Write objects that the index does not have; the first maker stays. In order of keys: writers at once wait, never deadlock."""
    if not new:
        return
    if store.dialect == "postgresql":
        stamp = await _number(connection, _STAMP)
    else:  # the clock, so that no stamp is given twice although retention or a reindex may have emptied the table
        stamp = max(await _number(connection, _LAST) + 1, SystemClock.utc_us())
    rows = [
        {"key": key.hex(), "stamp": stamp, **dict(zip(_FIELDS, msgspec.structs.astuple(origin), strict=True))}
        for key, origin in sorted(new.items())
    ]
    await connection.execute(_INSERT, rows)


async def _number(connection: AsyncConnection, expression: str) -> int:
    return int((await connection.execute(text(f"SELECT {expression}"))).scalar_one())


def _entry(row: RowMapping) -> Entry:
    return bytes.fromhex(row["key"]), Origin(*[row[name] for name in _FIELDS])


async def after(store: Store, stamp: int) -> tuple[list[Entry], int] | None:
    """Objects that came after a stamp, some perhaps again, and the stamp to go on from. None when there are too many to follow one
    by one, so that reading the `newest` is the shorter way. Raises: StoreUnavailableError.
    """
    index = reference_index.c
    async with store.read() as connection:
        if store.dialect == "postgresql":
            horizon, following = await _number(connection, _HORIZON), await _number(connection, _NEXT)
            # rows restored from another cluster may carry numbers that this one has not reached
            wanted = and_(index.stamp >= stamp, index.stamp < following)
        else:
            horizon, wanted = await _number(connection, _LAST), and_(index.stamp > stamp)
        query = select(reference_index).where(wanted).order_by(index.stamp, index.key).limit(_MOST_AFTER + 1)
        rows = (await connection.execute(query)).mappings().all()
    return ([_entry(row) for row in rows], horizon) if len(rows) <= _MOST_AFTER else None


async def newest(store: Store, most: int) -> AsyncIterator[list[Entry]]:
    """The newest objects, in pages, newest first. Raises: StoreUnavailableError."""
    index = reference_index.c
    below: tuple[str, str] | None = None
    while most > 0:
        query = select(reference_index).order_by(index.record_id.desc(), index.key.desc()).limit(min(_PAGE, most))
        if below is not None:
            query = query.where(tuple_(index.record_id, index.key) < below)
        async with store.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        if not rows:
            return
        most -= len(rows)
        below = (rows[-1]["record_id"], rows[-1]["key"])
        yield [_entry(row) for row in rows]


async def count(store: Store) -> tuple[int, int]:
    """How many objects there are, and the stamp that whoever reads them all now goes on from. Raises: StoreUnavailableError."""
    async with store.read() as connection:
        stamp = await _number(connection, _HORIZON if store.dialect == "postgresql" else _LAST)
        return await _number(connection, "count(*) FROM reference_index"), stamp
