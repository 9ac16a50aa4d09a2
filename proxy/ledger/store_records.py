"""Records by their ids, whatever they are (exchanges, lines of carriers, turns of sessions), as canonical bytes of their entries.

Exchanges are found by their index. Lines and turns have none of their own: a line whose result came is found by that result, what
is left by one pass over the rows of the time that the ids name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Table, select, tuple_

from proxy.ledger.store import Store
from proxy.ledger.store_results import results_of
from proxy.ledger.tables import batch_results, entries, exchanges, lines, turns

_MOST_IDS = 400
_PAGE = 5000
_SLACK_MS = 2000

Place = tuple[str, int, int]


async def exchanges_named(store: Store, ids: Iterable[str]) -> dict[str, tuple[bytes, bytes | None]]:
    """Of these exchanges the intent or refusal, and the outcome (None for what has not ended), by record id; those that are not
    here are left out.

    Raises: StoreUnavailableError.
    """
    found: dict[str, tuple[bytes, bytes | None]] = {}
    for some in _chunks(ids):
        found |= await _exchanges(store, some)
    return found


async def _exchanges(store: Store, ids: list[str]) -> dict[str, tuple[bytes, bytes | None]]:
    columns = exchanges.c
    ends = (columns.outcome_instance, columns.outcome_epoch, columns.outcome_seq)
    query = select(columns.id, columns.instance, columns.epoch, columns.seq, *ends).where(
        columns.id.in_(ids), columns.at.is_not(None)
    )
    async with store.read() as connection:
        rows = (await connection.execute(query)).all()
        at = await _evidence(connection, {_place(row[1:4]) for row in rows} | {_place(row[4:7]) for row in rows if row[4]})
    return {row[0]: (at[_place(row[1:4])], at.get(_place(row[4:7]))) for row in rows if _place(row[1:4]) in at}


async def lines_named(store: Store, ids: Iterable[str]) -> dict[str, bytes]:
    """Of these lines the entry, by id. Raises: StoreUnavailableError."""
    wanted = set(ids)
    places: dict[str, Place] = {}
    for carrier in await _carriers(store, wanted):
        places |= await _scanned(store, lines, wanted - places.keys(), carrier=carrier)
    places |= await _scanned(store, lines, wanted - places.keys())
    return await _at(store, places)


async def turns_named(store: Store, ids: Iterable[str]) -> dict[str, bytes]:
    """Of these turns the entry that was written last, by id. Raises: StoreUnavailableError."""
    return await _at(store, await _scanned(store, turns, set(ids)))


async def answered_lines(store: Store, ids: Iterable[str]) -> dict[str, str]:
    """Records of the downloads that brought the answers to these lines, by line id. Raises: StoreUnavailableError."""
    found: dict[str, str] = {}
    for some in _chunks(ids):
        found |= await results_of(store, some)
    return found


async def _carriers(store: Store, ids: Collection[str]) -> set[str]:
    downloads = set((await answered_lines(store, ids)).values())
    found: set[str] = set()
    for some in _chunks(downloads):
        async with store.read() as connection:
            query = select(batch_results.c.carrier).where(batch_results.c.record_id.in_(some))
            found.update((await connection.execute(query)).scalars())
    return found - {""}


async def _scanned(store: Store, table: Table, wanted: set[str], *, carrier: str = "") -> dict[str, Place]:
    """Places of the rows of `lines` or `turns` that have these ids, out of one carrier's or of all of the time that they name."""
    times = [int(each[4:16], 16) for each in wanted if _dated(each)]
    if not times:
        return {}
    columns = table.c
    bounds = columns.at.between((min(times) - _SLACK_MS) * 1000, (max(times) + _SLACK_MS) * 1000)
    key = (columns.carrier, columns.number)
    after: tuple[str, int] = (carrier, -1)
    found: dict[str, Place] = {}
    while len(found) < len(wanted):
        within = columns.carrier == carrier if carrier else columns.carrier >= ""
        query = select(*key, columns.id, columns.instance, columns.epoch, columns.seq).where(within, bounds, tuple_(*key) > after)
        async with store.read() as connection:
            rows = (await connection.execute(query.order_by(*key).limit(_PAGE))).all()
        found |= {row[2]: _place(row[3:6]) for row in rows if row[2] in wanted}
        if len(rows) < _PAGE:
            break
        after = (rows[-1][0], rows[-1][1])
    return found


def _dated(record_id: str) -> bool:
    """Whether this has the form of a record id, whose first 12 digits are milliseconds."""
    digits = record_id[4:]
    return record_id[:4] == "rec_" and len(digits) == 32 and all(each in "0123456789abcdef" for each in digits)


async def _at(store: Store, places: dict[str, Place]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for some in _chunks(places):
        async with store.read() as connection:
            at = await _evidence(connection, {places[each] for each in some})
        found |= {each: at[places[each]] for each in some if places[each] in at}
    return found


async def _evidence(connection: Any, places: set[Place]) -> dict[Place, bytes]:
    key = (entries.c.instance, entries.c.epoch, entries.c.seq)
    query = select(*key, entries.c.evidence).where(tuple_(*key).in_(list(places)))
    return {_place(row[:3]): bytes(row[3]) for row in await connection.execute(query)} if places else {}


def _place(columns: Any) -> Place:
    instance, epoch, seq = columns
    return instance, epoch, seq


def _chunks(ids: Iterable[str]) -> list[list[str]]:
    wanted = list(dict.fromkeys(ids))
    return [wanted[start : start + _MOST_IDS] for start in range(0, len(wanted), _MOST_IDS)]
