"""What changes from one catalogue to another: rows, cells on which days, clauses, models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from msgspec.structs import asdict

from proxy.core.terms import Cell, Clause, Row
from proxy.terms import compiling
from proxy.terms.catalog import Catalogue
from proxy.terms.telling import day_of

_EVER = 1 << 62
_NOTHING = Cell("review", note="nothing is said")
_OF_CLAUSES = ("section", "url", "summary", "confidence", "rank", "review_by", "gone", "document")


def differences(old: Catalogue, new: Catalogue) -> dict[str, Any]:
    """`{old, new, rows: {added, removed}, cells: […], clauses: […], models: […]}`; empty lists where nothing changes."""
    before, after = compiling.rows(old), compiling.rows(new)
    return {
        "old": old.version,
        "new": new.version,
        "rows": {"added": [row for row in after if row not in before], "removed": [row for row in before if row not in after]},
        "cells": [each for row in before if row in after for each in _rows(before[row], after[row])],
        "clauses": list(_clauses(_by_id(old), _by_id(new))),
        "models": _models(old, new),
    }


def changed(found: Mapping[str, Any]) -> bool:
    """Whether anything differs besides the versions."""
    return any(found[part] for part in ("cells", "clauses", "models")) or any(found["rows"].values())


def _rows(old: Row, new: Row) -> Iterator[dict[str, Any]]:
    for purpose in dict.fromkeys([*old.cells, *new.cells]):
        before, after = old.cells.get(purpose, ()), new.cells.get(purpose, ())
        joined: list[dict[str, Any]] = []
        for start, until in _spans(before, after):
            one, other = _at(before, start), _at(after, start)
            if _said(one) == _said(other):
                continue
            change = {
                "row": new.id,
                "purpose": purpose,
                "from": day_of(None if start == -_EVER else start),
                "until": day_of(None if until == _EVER else until),
                "verdict": [one.verdict, other.verdict],
                "changed": [name for name, value in _said(one).items() if value != _said(other)[name]],
                "clauses": [list(one.clauses), list(other.clauses)],
            }
            last = joined[-1] if joined else None
            if last is not None and last["until"] == change["from"] and _same(last, change):
                last["until"] = change["until"]
            else:
                joined.append(change)
        yield from joined


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("verdict", "changed", "clauses"))


def _spans(*sides: tuple[Cell, ...]) -> Iterator[tuple[int, int]]:
    cuts = {-_EVER, _EVER}
    for cells in sides:
        for cell in cells:
            cuts |= {each for each in (cell.starts, cell.until) if each is not None}
    yield from pairwise(sorted(cuts))


def _at(cells: tuple[Cell, ...], at: int) -> Cell:
    for cell in cells:
        if (cell.starts is None or cell.starts <= at) and (cell.until is None or at < cell.until):
            return cell
    return _NOTHING


def _said(cell: Cell) -> dict[str, Any]:
    """What a cell says; its days are compared by whoever asks, and a note decides nothing."""
    return {name: value for name, value in asdict(cell).items() if name not in ("starts", "until", "note")}


def _by_id(catalogue: Catalogue) -> dict[str, Clause]:
    return {clause.id: clause for clause in compiling.clauses(catalogue)}


def _clauses(before: Mapping[str, Clause], after: Mapping[str, Clause]) -> Iterator[dict[str, Any]]:
    for clause in sorted({*before, *after}):
        old, new = before.get(clause), after.get(clause)
        if old is None or new is None:
            yield {"clause": clause, "change": "added" if old is None else "removed"}
            continue
        fields = {
            name: [_shown(name, getattr(old, name)), _shown(name, getattr(new, name))]
            for name in _OF_CLAUSES
            if getattr(old, name) != getattr(new, name)
        }
        if fields:
            yield {"clause": clause, "change": "changed", "fields": fields}


def _shown(name: str, value: Any) -> Any:
    return day_of(value) if name in ("review_by", "gone") else value


def _models(old: Catalogue, new: Catalogue) -> list[dict[str, Any]]:
    before = {glob: line.row for line in reversed(old.models) for glob in line.glob}
    after = {glob: line.row for line in reversed(new.models) for glob in line.glob}
    changes = [
        {"glob": glob, "row": [before.get(glob), after.get(glob)]}
        for glob in sorted({*before, *after})
        if before.get(glob) != after.get(glob)
    ]
    same = [glob for glob in _order(old) if glob in after] == [glob for glob in _order(new) if glob in before]
    return changes or ([] if same else [{"glob": "*", "row": ["the order", "another order"]}])


def _order(catalogue: Catalogue) -> list[str]:
    return list(dict.fromkeys(glob for line in catalogue.models for glob in line.glob))
