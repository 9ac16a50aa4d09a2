"""Clauses that somebody has to read again: one past its date never makes a verdict better than `review`, so it is said before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from proxy.core.terms import Clause
from proxy.review.judged import DAY_US
from proxy.review.raised import Raised

AHEAD_DAYS = 30


def due(clauses: Iterable[Clause], now: int) -> Iterator[Raised]:
    """A finding for each clause whose `review_by` is less than 30 days ahead of `now` (microseconds since 1970 UTC), or passed.

    The date is part of the key: once it is moved, by somebody who has read the clause, its next date is told of anew.
    """
    for clause in clauses:
        if clause.gone is not None or clause.review_by is None or clause.review_by >= now + AHEAD_DAYS * DAY_US:
            continue
        day = datetime.fromtimestamp(clause.review_by / 1_000_000, UTC).date().isoformat()
        where = f"{clause.document} {clause.section}".strip()
        effect = "After that day no verdict that rests on it is better than review."
        rows = (f"It decides cells of {', '.join(clause.rows)}.",) if clause.rows else ()
        yield Raised(
            f"terms:clause:{clause.id}:{day}",
            kind="terms",
            severity="notice" if clause.review_by > now else "low",
            title=f"{clause.id} is to be read again by {day}",
            first_record="",
            last_record="",
            first_at=now,
            last_at=now,
            clauses=(clause.id,),
            sentences=(f"{where}: {clause.summary}", effect, *rows, *((f"Its text: {clause.url}",) if clause.url else ())),
        )
