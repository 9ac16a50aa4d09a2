"""Which batch a download answers, which carrier brought the batch's queries, and which line each result answers.

Written by control from what is shipped (docs/adr/0009-reference-index.md); everything may be written again with the same effect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.sql.selectable import Select

from proxy.core.references import Origin, kind_of
from proxy.ledger import store_exchanges
from proxy.ledger.record import Intent, Line, decode
from proxy.ledger.store import Store
from proxy.ledger.tables import batch_results, entries, line_results, lines

SLICE = 1000
"""Lines tied in one transaction."""

_MOST_CARRIERS = 1000

_INSERT_LINES = text("INSERT INTO line_results (line_id, record_id) VALUES (:line_id, :record_id) ON CONFLICT DO NOTHING")
_INSERT_BATCH = text(
    "INSERT INTO batch_results (record_id, batch, carrier, lines) VALUES (:record_id, :batch, :carrier, :lines) "
    "ON CONFLICT (record_id) DO UPDATE SET batch = excluded.batch, carrier = excluded.carrier, lines = excluded.lines"
)


@dataclass(frozen=True)
class ResultOf:
    """What a download answers: the record that made the batch, the one that carried its queries (empty when that is not known), and
    how many of the carrier's lines have their result in it.
    """

    batch: str
    carrier: str
    lines: int


Known = Callable[[str], Awaitable[Origin | None]]
"""Where an object, `kind:id` at the download's upstream, comes from, as far as the store knows it by now."""


async def nobody(_ref: str) -> None:
    """Knows nothing."""


async def batch_of(store: Store, origin: Origin, known: Known) -> tuple[str, str] | None:
    """Records of the batch that an object comes from and of its carrier; None when it comes from no batch.

    The carrier is what the batch was told to read, or the request that made it if that held the queries itself; empty when either
    is in no record that is here. `known` is asked about what the gateway that made the batch did not know. Raises:
    StoreUnavailableError.
    """
    if origin.kind != "batch":
        return None
    made = await store_exchanges.record(store, origin.record)
    if made is None or made.intent is None or not isinstance(intent := decode(made.intent), Intent):
        return origin.record, ""
    files = await _makers(intent, "file", known)
    return origin.record, files[0] if files else origin.record


async def _makers(intent: Intent, kind: str, known: Known) -> list[str]:
    """Records that made what a call refers to, of one kind; empty of what nobody knows."""
    found = []
    for refer in intent.refers:
        if kind_of(refer.ref) == kind:
            origin = await known(refer.ref) if refer.miss else None
            found.append(origin.record if origin is not None else refer.record)
    return found


@dataclass(frozen=True)
class Asked:
    """A line of a carrier: its id, the model it asked for, and its verdict."""

    id: str
    model: str
    verdict: str


async def carriers_of(store: Store, carrier: str, known: Known = nobody) -> list[str]:
    """Records whose lines a carrier is made of: its own and, of a file that came in several requests, those of the others, as far
    as the carrier refers to them or the first line of one began in the one before.

    Raises: StoreUnavailableError.
    """
    found = [carrier]
    made = await store_exchanges.record(store, carrier) if carrier else None
    if made is not None and made.intent is not None and isinstance(intent := decode(made.intent), Intent):
        found += [record for record in await _makers(intent, "part", known) if record]
    while len(found) < _MOST_CARRIERS and (earlier := await _began_in(store, found[-1])) and earlier not in found:
        found.append(earlier)
    return found


async def _began_in(store: Store, carrier: str) -> str:
    """The record in which a carrier's first line began, empty where it is the carrier itself."""
    where = (entries.c.instance == lines.c.instance) & (entries.c.epoch == lines.c.epoch) & (entries.c.seq == lines.c.seq)
    query = select(entries.c.evidence).join(lines, where).where(lines.c.carrier == carrier).order_by(lines.c.number).limit(1)
    async with store.read() as connection:
        evidence = (await connection.execute(query)).scalar()
    entry = decode(bytes(evidence)) if evidence is not None else None
    return entry.pieces[0].id if isinstance(entry, Line) and entry.pieces else ""


async def lines_named(store: Store, carriers: Sequence[str], names: Iterable[str]) -> dict[str, Asked]:
    """The lines of some carriers that have these (keyed) names, by name. Raises: StoreUnavailableError."""
    columns = lines.c.custom_id, lines.c.id, lines.c.model_requested, lines.c.verdict
    query = select(*columns).where(lines.c.carrier.in_(carriers), lines.c.custom_id.in_(list(names)))
    async with store.read() as connection:
        return {row[0]: Asked(*row[1:]) for row in await connection.execute(query)}


async def lines_at(store: Store, carrier: str, numbers: Sequence[int], *, nameless: bool) -> list[str]:
    """Ids of a carrier's lines with these numbers, or of those among them that have no name. Raises: StoreUnavailableError."""
    query = select(lines.c.id).where(lines.c.carrier == carrier, lines.c.number.in_(numbers))
    if nameless:
        query = query.where(lines.c.custom_id == "")
    async with store.read() as connection:
        return list((await connection.execute(query)).scalars())


async def keep(store: Store, record: str, batch: str, carrier: str, answered: Sequence[str]) -> None:
    """Note what a download answers, and the ids of the lines that are answered in it. The first download of a line's result stays.

    Raises: StoreUnavailableError.
    """
    async with store.write() as connection:
        if answered:
            rows = [{"line_id": line, "record_id": record} for line in sorted(answered)]
            await connection.execute(_INSERT_LINES, rows)
        tied = (await connection.execute(_tied(record))).scalar_one()
        await connection.execute(_INSERT_BATCH, {"record_id": record, "batch": batch, "carrier": carrier, "lines": tied})


def _tied(record: str) -> Select[int]:
    return select(func.count()).select_from(line_results).where(line_results.c.record_id == record)


async def result_of(store: Store, record: str) -> ResultOf | None:
    """What a record answers; None when it is no download of results. Raises: StoreUnavailableError."""
    query = select(batch_results.c.batch, batch_results.c.carrier, batch_results.c.lines).where(batch_results.c.record_id == record)
    async with store.read() as connection:
        row = (await connection.execute(query)).first()
    return ResultOf(*row) if row is not None else None


async def downloads_of(store: Store, batch: str) -> list[str]:
    """Records that brought results of a batch, oldest first. Raises: StoreUnavailableError."""
    query = select(batch_results.c.record_id).where(batch_results.c.batch == batch).order_by(batch_results.c.record_id)
    async with store.read() as connection:
        return list((await connection.execute(query)).scalars())


async def results_of(store: Store, answered: Sequence[str]) -> dict[str, str]:
    """Records that hold the results of some lines, by line id. Raises: StoreUnavailableError."""
    query = select(line_results.c.line_id, line_results.c.record_id).where(line_results.c.line_id.in_(answered))
    async with store.read() as connection:
        return {row[0]: row[1] for row in await connection.execute(query)}
