"""A tenant's agreement: which updates of the row it stands on reach this tenant, and what was signed instead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proxy.terms import schema

Lines = dict[str, list[schema.Line]]
"""Lines of the matrix by purpose, each in the order of time."""


@dataclass(frozen=True)
class Bound:
    """By what a tenant is bound: the days on which it agreed to anything and on which it accepted, and how each clause's document
    is updated (`updates`, by clause).
    """

    agreed: tuple[dt.date, ...]
    accepted: tuple[dt.date, ...]
    updates: Mapping[str, str]

    def comes(self, change: dt.date, clauses: Iterable[str]) -> dt.date:
        """When a change that `clauses` make reaches the tenant; at once where one of them floats, `date.max` for never."""
        latest = change
        for clause in clauses:
            way = self.updates.get(clause, "floats")
            days = {"pinned_to_order_form": self.agreed, "on_acceptance": self.accepted}.get(way, ())
            if not days:
                return change
            latest = max(latest, min((day for day in days if day >= change), default=dt.date.max))
        return latest


def by_purpose(spec: schema.ContractSpec | schema.LicenceSpec) -> Lines:
    """A row's lines; those without clauses have to be read again when the row says so."""
    found: Lines = {}
    for line in spec.matrix:
        stated = line if line.clauses or line.review_by else line.model_copy(update={"review_by": spec.review_by})
        for purpose in dict.fromkeys(line.purpose):
            found.setdefault(purpose, []).append(stated)
    return {purpose: sorted(lines, key=starts) for purpose, lines in found.items()}


def reached(lines: Sequence[schema.Line], bound: Bound) -> list[schema.Line]:
    """The lines of one purpose as they hold for a tenant: a change begins when it comes, and until then the line before goes on."""
    result: list[schema.Line] = []
    for line in lines:
        start, end = starts(line), ends(line)
        begins = bound.comes(start, line.clauses or result[-1].clauses) if result else start
        if begins > start and ends(result[-1]) == start:
            result[-1] = dated(result[-1], starts(result[-1]), min(begins, end))
        if begins < end:
            result.append(dated(line, begins, end))
    return result


def laid(over: Sequence[schema.Line], under: Sequence[schema.Line]) -> list[schema.Line]:
    """`over` where it says something, `under` elsewhere."""
    pieces = list(over)
    for line in under:
        start = starts(line)
        for upper in sorted(over, key=starts):
            if ends(upper) <= start or starts(upper) >= ends(line):
                continue
            if start < starts(upper):
                pieces.append(dated(line, start, starts(upper)))
            start = ends(upper)
        if start < ends(line):
            pieces.append(dated(line, start, ends(line)))
    return sorted(pieces, key=starts)


def until(lines: Sequence[schema.Line], end: dt.date | None) -> list[schema.Line]:
    """Lines that last no longer than the agreement."""
    if end is None:
        return list(lines)
    return [dated(line, starts(line), min(ends(line), end)) for line in lines if starts(line) < end]


def dated(line: schema.Line, start: dt.date, end: dt.date) -> schema.Line:
    """The line on other days; `date.min` and `date.max` are no bound."""
    update = {"from_": None if start == dt.date.min else start, "until": None if end == dt.date.max else end}
    return line.model_copy(update=update)


def starts(line: schema.Line) -> dt.date:
    """The first day of a line."""
    return line.from_ or dt.date.min


def ends(line: schema.Line) -> dt.date:
    """The day after the last one of a line."""
    return line.until or dt.date.max
