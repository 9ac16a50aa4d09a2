"""The texts of a document in the order of time: which one holds when, and which clauses are in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from proxy.terms import schema

Span = tuple[dt.date | None, dt.date | None]
"""From a day (included) until a day (excluded); None where there is no bound."""


def texts_of(documents: Iterable[schema.Document]) -> dict[str, list[schema.Document]]:
    """Documents by name, each one's texts oldest first."""
    texts: dict[str, list[schema.Document]] = {}
    for document in documents:
        texts.setdefault(document.metadata.name, []).append(document)
    return {name: sorted(each, key=lambda text: text.spec.effective.from_) for name, each in sorted(texts.items())}


def spans(texts: Sequence[schema.Document]) -> Iterator[tuple[schema.Document, Span]]:
    """Each text with the days on which it holds."""
    for at, text in enumerate(texts):
        after = texts[at + 1].spec.effective.from_ if at + 1 < len(texts) else text.spec.effective.to
        yield text, (text.spec.effective.from_, after)


def clause_in(text: schema.Document, clause: str) -> schema.Clause | None:
    """A clause of a text."""
    return next((each for each in text.spec.clauses if each.id == clause), None)


def spans_of(texts: Sequence[schema.Document], clause: str, *, missing: bool = False) -> list[Span]:
    """The days on which a document has a clause, or, from its first text on, on which it has not."""
    found: list[Span] = []
    for text, span in spans(texts):
        if (clause_in(text, clause) is None) is missing:
            found.append(span)
    if missing and (end := texts[-1].spec.effective.to) is not None:
        found.append((end, None))
    return _merged(found)


def meet(one: Span, other: Span) -> Span | None:
    """The days in both, None when there is none."""
    starts = [day for day in (one[0], other[0]) if day is not None]
    ends = [day for day in (one[1], other[1]) if day is not None]
    start, end = max(starts, default=None), min(ends, default=None)
    return None if start is not None and end is not None and end <= start else (start, end)


def _merged(found: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in found:
        if merged and merged[-1][1] is not None and merged[-1][1] == span[0]:
            merged[-1] = (merged[-1][0], span[1])
        else:
            merged.append(span)
    return merged
