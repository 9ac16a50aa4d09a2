"""Rebuilds the store from what is certain: the spool's segments that are still there, and the entries already stored.

Nothing certain is deleted. Entries are added where they are missing and held against the spool where they are not (a contradiction
becomes a fork incident); only the projection is emptied and computed again. For a store that no control process has open.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy import delete, select, tuple_

from proxy.control.shipper import Shipper
from proxy.ledger import reader
from proxy.ledger.record import Intent, Line, Outcome, Turn, decode
from proxy.ledger.store import Store
from proxy.ledger.store_keys import KeyringReader
from proxy.ledger.store_rows import Projection
from proxy.ledger.store_ship import ship_projection
from proxy.ledger.tables import cursors, entries, exchanges, lines, reference_index, turns

_SLICE = 1000

Report = Callable[[str, int], None]
"""Told now and then what is being gone through (`segments`, `entries`), and how many entries of it so far."""


async def reindex(store: Store, data_dir: Path, master: bytes, report: Report) -> int:
    """Rebuild; gives how many entries the store then holds. Raises: StoreUnavailableError, OSError; running it again is safe."""
    instances = {epoch.instance for epoch in reader.epochs(data_dir / "spool")}
    async with store.write() as connection:
        await connection.execute(delete(cursors).where(cursors.c.instance.in_(instances)))
    shipper = Shipper(store, data_dir, KeyringReader(data_dir, master), _unnoted)
    while await shipper.pass_once(thorough=True):
        report("segments", shipper.progress.handled)
    async with store.write() as connection:
        await connection.execute(delete(exchanges))
        await connection.execute(delete(lines))
        await connection.execute(delete(turns))
        await connection.execute(delete(reference_index))  # control fills it again from what the projection notes
    return await _project_again(store, report)


def _unnoted(_event: str, /, **_fields: object) -> None:
    """Incidents are in the store; nobody follows diagnostics here."""


async def _project_again(store: Store, report: Report) -> int:
    key = (entries.c.instance, entries.c.epoch, entries.c.seq, entries.c.day)
    after: tuple[str, int, int, int] = ("", 0, 0, 0)
    handled = 0
    while True:
        async with store.read() as connection:
            query = select(*key, entries.c.evidence).where(tuple_(*key) > after).order_by(*key).limit(_SLICE)
            rows = (await connection.execute(query)).all()
        if not rows:
            return handled
        await ship_projection(store, _projection([bytes(row[4]) for row in rows]))
        after = (rows[-1][0], rows[-1][1], rows[-1][2], rows[-1][3])
        handled += len(rows)
        report("entries", handled)


def _projection(evidences: list[bytes]) -> Projection:
    projection = Projection()
    for evidence in evidences:
        try:
            entry = decode(evidence)
        except msgspec.MsgspecError:
            continue  # of a later version: kept, not projected
        if isinstance(entry, Intent):
            projection.intent(entry)
        elif isinstance(entry, Outcome):
            projection.outcome(entry)
        elif isinstance(entry, Line):
            projection.line(entry)
        elif isinstance(entry, Turn):
            projection.turn(entry)
    return projection
