"""Compiles a catalogue to the tables that judges look up: `core.terms.Row` and `core.terms.Models`, days as microseconds.

Days become cells: a line of the matrix is cut wherever one of its clauses gets another text or has to be read again, so that a
judge has nothing to know but the instant. Pieces that say the same are one cell.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import pairwise

import msgspec

from proxy.core.principal import PURPOSES
from proxy.core.terms import Cell, Clause, ModelGlob, Models, Row, Unsaid
from proxy.terms import schema
from proxy.terms.agreements import Bound, Lines, by_purpose, ends, laid, reached, starts, until
from proxy.terms.catalog import Catalogue
from proxy.terms.texts import Span, clause_in, spans, spans_of

Owners = dict[str, list[schema.Document]]
_DAY_US = 86_400_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_SURE = {"stored_primary": 2, "second_hand": 1, "memory": 0}
_BARRED = Cell("forbid", "prohibition", confirmed=False, note="extraction and the evasion of limits are barred by every host")


def microseconds(day: dt.date | None) -> int | None:
    """00:00 UTC of a day, microseconds since 1970."""
    return None if day is None else (day.toordinal() - _EPOCH) * _DAY_US


def rows(catalogue: Catalogue) -> dict[str, Row]:
    """Every row, by name; of a tenant's agreement with what it stands on already in it."""
    compiled = {name: _row(catalogue, name, row) for name, row in catalogue.rows.items() if _base(row) is None}
    for name, contract in catalogue.contracts.items():
        if contract.spec.base is not None:
            compiled[name] = _agreement(catalogue, name, contract, compiled[contract.spec.base])
    return {name: msgspec.structs.replace(row, digest=_digest(row)) for name, row in sorted(compiled.items())}


def models(catalogue: Catalogue) -> Models:
    """Which models are under which rows."""
    globs = tuple(ModelGlob(glob, line.row) for line in catalogue.models for glob in line.glob)
    return Models(globs, catalogue.version)


def clauses(catalogue: Catalogue) -> list[Clause]:
    """Every clause in its newest text, with the rows that it has a part in."""
    used: dict[str, list[str]] = {}
    for name, row in catalogue.rows.items():
        for each in dict.fromkeys(clause for line in row.spec.matrix for clause in line.clauses):
            used.setdefault(each, []).append(name)
    found: dict[str, Clause] = {}
    for document, texts in catalogue.texts.items():
        for text in texts:
            for clause in text.spec.clauses:
                gone = spans_of(texts, clause.id)[-1][1]
                found[clause.id] = Clause(
                    clause.id,
                    document,
                    clause.section,
                    clause.url or text.metadata.url,
                    clause.summary,
                    clause.confidence,
                    clause.rank or text.spec.rank,
                    microseconds(clause.review_by or text.spec.review_by),
                    microseconds(gone),
                    tuple(used.get(clause.id, ())),
                )
    return [found[name] for name in sorted(found)]


def unsaid(catalogue: Catalogue) -> list[Unsaid]:
    """What rests on silence and goes stale, by the day on which it does, the earliest first."""
    found: dict[int, dict[str, None]] = {}
    for name, row in catalogue.rows.items():
        for line in (line for lines in by_purpose(row.spec).values() for line in lines):
            day = line.review_by
            if day is not None and day < ends(line) and not line.clauses and line.verdict not in ("review", "forbid"):
                found.setdefault(microseconds(day) or 0, {})[name] = None
    return [Unsaid(day, tuple(found[day])) for day in sorted(found)]


def _base(row: schema.Contract | schema.Licence) -> str | None:
    return row.spec.base if isinstance(row, schema.Contract) else None


def _row(catalogue: Catalogue, name: str, row: schema.Contract | schema.Licence) -> Row:
    versions = _versions(catalogue, catalogue.documents_of(name))
    cells = _cells(_owners(catalogue, name), by_purpose(row.spec))
    if isinstance(row, schema.Licence):
        return Row(name, "licence", row.metadata.title, _last(versions), cells, versions=versions)
    cells.setdefault("extract.systematic", (_BARRED,))
    hosts = tuple(host.lower().strip("[]") for host in row.spec.hosts)  # an IPv6 address, as URLs have it
    return Row(name, "contract", row.metadata.title, _last(versions), cells, _plans(row), hosts=hosts, versions=versions)


def _agreement(catalogue: Catalogue, name: str, contract: schema.Contract, base: Row) -> Row:
    spec = contract.spec
    bound = _bound(catalogue, spec)
    under = {purpose: reached(lines, bound) for purpose, lines in by_purpose(catalogue.contracts[base.id].spec).items()}
    over = {
        purpose: until(lines, spec.agreement.expires if spec.agreement else None) for purpose, lines in by_purpose(spec).items()
    }
    signed = {id(line) for lines in over.values() for line in lines}
    lines = {purpose: laid(over.get(purpose, []), under.get(purpose, [])) for purpose in {**under, **over}}
    cells = _cells(_owners(catalogue, name), lines, signed)
    cells.setdefault("extract.systematic", (_BARRED,))
    versions = _versions(catalogue, catalogue.documents_of(name))
    plans, pinned = _plans(contract) or base.plans, _last_agreed(bound)
    return Row(name, "overlay", contract.metadata.title, _last(versions), cells, plans, base.id, pinned, (), versions)


def _plans(contract: schema.Contract) -> dict[str, str]:
    return {str(plan): row for plan, row in contract.spec.plans.items()}


def _bound(catalogue: Catalogue, spec: schema.ContractSpec) -> Bound:
    updates: dict[str, str] = {}
    for texts in catalogue.texts.values():
        for text in texts:
            updates |= {clause.id: spec.updates or text.spec.updates for clause in text.spec.clauses}
    accepted = tuple(spec.accepted_at)
    return Bound((*accepted, *spec.order_form_at, *spec.renewed_at), accepted, updates)


def _last_agreed(bound: Bound) -> int | None:
    return microseconds(max(bound.agreed, default=None))


def _versions(catalogue: Catalogue, documents: Iterable[str]) -> tuple[tuple[int, str], ...]:
    days = {text.spec.effective.from_ for name in documents for text in catalogue.texts[name]}
    return tuple((microseconds(day) or 0, day.isoformat()) for day in sorted(days))


def _last(versions: Sequence[tuple[int, str]]) -> str:
    return versions[-1][1] if versions else ""


def _owners(catalogue: Catalogue, name: str) -> Owners:
    """By clause, the texts of the document that it is of."""
    return {
        clause.id: catalogue.texts[document]
        for document in catalogue.documents_of(name)
        for text in catalogue.texts[document]
        for clause in text.spec.clauses
    }


def _cells(owners: Owners, lines: Lines, signed: Container[int] = ()) -> dict[str, tuple[Cell, ...]]:
    """The cells of each purpose. `signed`: lines (by identity) that a person approved when they were signed."""
    return {
        purpose: joined(cell for line in lines[purpose] for cell in _pieces(line, owners, signed=id(line) in signed))
        for purpose in PURPOSES
        if purpose in lines
    }


def _pieces(line: schema.Line, every: Owners, *, signed: bool) -> Iterator[Cell]:
    """The line, cut where what is known of it changes."""
    owners = {clause: every[clause] for clause in line.clauses}
    stale = _stale(line, owners)
    cuts = {text.spec.effective.from_ for texts in owners.values() for text in texts} | ({stale} if stale else set())
    inner = sorted(day for day in cuts if starts(line) < day < ends(line))
    for span in pairwise([line.from_, *inner, line.until]):
        sure = _sure(line, owners, span[0])
        old = stale is not None and span[0] is not None and span[0] >= stale
        weak = f"has to be read again since {stale}" if old else "known from memory alone" if sure == _SURE["memory"] else ""
        # a bar that was read stays one until somebody reads that it is gone: only what allows goes stale
        read = sure == _SURE["stored_primary"] and (not weak or line.verdict == "forbid")
        yield _cell(line, span, weak, confirmed=signed or read)


def _stale(line: schema.Line, owners: Owners) -> dt.date | None:
    """The first day on which one of the clauses, in its newest text, has to be read again."""
    days = [line.review_by]
    for clause, texts in owners.items():
        newest = [(text, each) for text in texts if (each := clause_in(text, clause)) is not None][-1]
        days.append(newest[1].review_by or newest[0].spec.review_by)
    return min((day for day in days if day is not None), default=None)


def _sure(line: schema.Line, owners: Owners, begin: dt.date | None) -> int:
    """How sure the least sure clause is, in the text that holds on a day."""
    least = _SURE[line.confidence or "stored_primary"]
    for clause, texts in owners.items():
        held = [text for text, span in spans(texts) if _holds(span, begin)] or texts
        stated = [each for text in held if (each := clause_in(text, clause)) is not None]
        stated = stated or [each for text in texts if (each := clause_in(text, clause)) is not None]
        least = min(least, _SURE[stated[0].confidence])
    return least


def _holds(span: Span, day: dt.date | None) -> bool:
    return day is not None and (span[0] is None or span[0] <= day) and (span[1] is None or day < span[1])


def _cell(line: schema.Line, span: Span, weak: str, *, confirmed: bool) -> Cell:
    """`weak`: why nothing better than a review follows from the line, empty where something may."""
    verdict = "review" if weak and line.verdict != "forbid" else line.verdict
    otherwise = "review" if weak and line.otherwise != "forbid" else line.otherwise
    return Cell(
        verdict,
        line.basis,
        microseconds(span[0]),
        microseconds(span[1]),
        tuple(dict.fromkeys(line.clauses)),
        tuple(dict.fromkeys(line.obligations)),
        dict(line.requires),
        otherwise,
        line.unless or "",
        confirmed=confirmed,
        conflict=line.conflict,
        note=f"{weak}: {line.note}" if weak and line.note else weak or line.note,
    )


def joined(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells in the order of time; neighbours that say the same are one."""
    ordered = sorted(cells, key=lambda cell: cell.starts if cell.starts is not None else -(1 << 62))
    result: list[Cell] = []
    for cell in ordered:
        last = result[-1] if result else None
        same = last is not None and last.until == cell.starts and msgspec.structs.replace(last, until=cell.until, starts=None)
        if last is not None and same == msgspec.structs.replace(cell, starts=None):
            result[-1] = msgspec.structs.replace(last, until=cell.until)
        else:
            result.append(cell)
    return tuple(result)


def _digest(row: Row) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(row, digest=""), order="sorted")).hexdigest()[:16]
