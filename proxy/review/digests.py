"""The digest: what is asked rather than held against anybody is told once a day, all of it together.

A digest of a day holds the questions raised until that day ended (UTC) that no digest has told of before. It is made once, by
whichever control process is first, after midnight or whenever control next runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from sqlalchemy import select, text, update

from proxy.ledger.review_tables import digests, findings
from proxy.ledger.store import Store
from proxy.ledger.store_rows import DAY_US, json_text

GATHERED = "question"
_NAMED = 20
_MAKE = text(
    "INSERT INTO digests (kind, day, at, count, sentences) VALUES (:kind, :day, :at, :count, :sentences) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True)
class Digest:
    """What one day's digest told of: `count` findings of `kind`, in plain sentences. `day` is whole days since 1970 UTC."""

    kind: str
    day: int
    at: int
    count: int
    sentences: tuple[str, ...]


async def make(store: Store, now: int) -> Digest | None:
    """The digest of the day before `now`, if it is not made yet and there is something to tell. Raises: StoreUnavailableError."""
    day = now // DAY_US - 1
    columns = findings.c
    untold = (columns.kind == GATHERED) & columns.digest_day.is_(None) & (columns.at < (day + 1) * DAY_US)
    async with store.write() as connection:
        rows = (await connection.execute(select(columns.id, columns.principal).where(untold).order_by(columns.principal))).all()
        if not rows:
            return None
        digest = Digest(GATHERED, day, now, len(rows), _sentences(day, [row[1] for row in rows]))
        row: dict[str, Any] = {
            "kind": GATHERED,
            "day": day,
            "at": now,
            "count": len(rows),
            "sentences": json_text(digest.sentences),
        }
        done = await connection.execute(_MAKE, row)
        if not done.rowcount:
            return None  # another control process made it; what came late is told of tomorrow
        # by condition, not by id: there may be more of them than a statement has room for
        await connection.execute(update(findings).where(untold).values(digest_day=day))
    return digest


def _sentences(day: int, principals: list[str]) -> tuple[str, ...]:
    named = ", ".join(principals[:_NAMED])
    more = f" and {len(principals) - _NAMED} more" if len(principals) > _NAMED else ""
    count = f"{len(principals)} principals ask" if len(principals) > 1 else "1 principal asks"
    return (
        f"Until the end of {day_of(day).isoformat()}, {count} without a declared purpose: {named}{more}.",
        "A purpose is declared in the configuration, by `principal add --purpose`, or per call by x-tos-purpose.",
    )


def day_of(day: int) -> date:
    """The date of a number of days since 1970."""
    return datetime.fromtimestamp(day * 86400, UTC).date()


async def listed(store: Store, *, limit: int = 50, before: int | None = None) -> list[Digest]:
    """Digests, the newest first, those of days before `before`. Raises: StoreUnavailableError."""
    query = select(digests).order_by(digests.c.day.desc(), digests.c.kind).limit(limit)
    if before is not None:
        query = query.where(digests.c.day < before)
    async with store.read() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return [
        Digest(row["kind"], row["day"], row["at"], row["count"], tuple(msgspec.json.decode(row["sentences"] or "[]")))
        for row in rows
    ]
