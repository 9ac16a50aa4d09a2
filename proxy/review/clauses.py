"""What somebody has to read again, clauses and what rests on none: past its date it makes no verdict better than `review`, so it
is said before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from proxy.core.terms import Clause, Unsaid
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
        day = _day(clause.review_by)
        where = f"{clause.document} {clause.section}".strip()
        effect = "After that day no verdict that rests on it is better than review."
        rows = (f"It decides cells of {', '.join(clause.rows)}.",) if clause.rows else ()
        sentences = (f"{where}: {clause.summary}", effect, *rows, *((f"Its text: {clause.url}",) if clause.url else ()))
        key, title = f"terms:clause:{clause.id}:{day}", f"{clause.id} is to be read again by {day}"
        yield _raised(key, title, sentences, passed=clause.review_by <= now, now=now, clauses=(clause.id,))


def silent(unsaid: Iterable[Unsaid], now: int) -> Iterator[Raised]:
    """One finding for all that rests on no clause and is due on the same day, by the same rule as for clauses."""
    for each in unsaid:
        if each.review_by >= now + AHEAD_DAYS * DAY_US:
            continue
        day = _day(each.review_by)
        sentences = (
            f"No clause speaks of some uses that {', '.join(each.rows)} allow.",
            "After that day these are a review, until somebody has looked whether the texts still say nothing.",
        )
        title = f"What {len(each.rows)} rows of the terms allow by silence is to be looked at again by {day}"
        yield _raised(f"terms:silence:{day}", title, sentences, passed=each.review_by <= now, now=now)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).date().isoformat()


def _raised(key: str, title: str, sentences: tuple[str, ...], *, passed: bool, now: int, clauses: tuple[str, ...] = ()) -> Raised:
    return Raised(
        key,
        kind="terms",
        severity="low" if passed else "notice",
        title=title,
        first_record="",
        last_record="",
        first_at=now,
        last_at=now,
        clauses=clauses,
        sentences=sentences,
    )
