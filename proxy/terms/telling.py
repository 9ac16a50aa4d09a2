"""Terms as people and programs are told of them: rows, cells and clauses as plain values fit for JSON, days written as days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from proxy.core.decision import VERDICTS
from proxy.core.terms import Adoption, Cell, Row
from proxy.terms import schema
from proxy.terms.catalog import Catalogue
from proxy.terms.texts import clause_in, spans, spans_of

UNREAD = "none"


def day_of(at: int | None) -> str | None:
    """The UTC day of an instant (microseconds since 1970), as it is written."""
    return None if at is None else dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC).date().isoformat()


def read_by(row: Row, adoptions: Mapping[str, Adoption]) -> str:
    """`NAME on DAY` of whoever adopted the row as it is; `none`."""
    adopted = adoptions.get(row.id)
    if adopted is None or adopted.digest != row.digest:
        return UNREAD
    return f"{adopted.by} on {day_of(adopted.at)}"


def row_told(catalogue: Catalogue, row: Row, adoptions: Mapping[str, Adoption], at: int) -> dict[str, Any]:
    """A row, with how many purposes have which verdict at an instant; those that it says nothing of are not counted."""
    content = catalogue.rows[row.id]
    held = [cell.verdict for cells in row.cells.values() for cell in cells if _holds(cell, at)]
    counts = Counter(held)
    return {
        "row": row.id,
        "kind": row.kind,
        "title": row.title,
        "provider": content.metadata.provider,
        "tier": content.spec.tier if isinstance(content, schema.Contract) else "",
        "region": content.spec.region if isinstance(content, schema.Contract) else "",
        "hosts": list(row.hosts),
        "plans": row.plans,
        "base": row.base,
        "pinned": day_of(row.pinned),
        "version": row.version,
        "documents": catalogue.documents_of(row.id),
        "verdicts": {verdict: counts[verdict] for verdict in (*VERDICTS, "model")},
        "read_by_counsel": read_by(row, adoptions),
        "digest": row.digest,
    }


def cells_told(
    catalogue: Catalogue, row: Row, adoptions: Mapping[str, Adoption], purpose: str | None = None, at: int | None = None
) -> Iterator[dict[str, Any]]:
    """The cells of a row; of one purpose, of one instant (microseconds since 1970 UTC) where these are given."""
    for name, cells in row.cells.items():
        if purpose is not None and name != purpose:
            continue
        for cell in cells:
            if at is None or _holds(cell, at):
                yield _cell(catalogue, read_by(row, adoptions), name, cell, _last(cell) if at is None else at)


def _last(cell: Cell) -> int | None:
    """The last instant of a cell that ends."""
    return None if cell.until is None else cell.until - 1


def _cell(catalogue: Catalogue, reader: str, purpose: str, cell: Cell, at: int | None) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "verdict": cell.verdict,
        "basis": cell.basis,
        "from": day_of(cell.starts),
        "until": day_of(cell.until),
        "requires": cell.requires,
        "otherwise": cell.otherwise if cell.requires else None,
        "unless": cell.unless or None,
        "obligations": list(cell.obligations),
        "clauses": [clause_told(catalogue, each, at) for each in cell.clauses],
        "confirmed": cell.confirmed or reader != UNREAD,
        "conflict": cell.conflict,
        "note": cell.note,
        "read_by_counsel": reader,
    }


def clause_told(catalogue: Catalogue, clause: str, at: int | None = None) -> dict[str, Any]:
    """A clause in the text that holds at an instant; in its newest one if none does. Raises: KeyError."""
    texts = next(each for each in catalogue.texts.values() if any(clause_in(text, clause) for text in each))
    text, found = _text_of(texts, clause, at)
    seen = found.seen or text.spec.seen
    span = next(span for each, span in spans(texts) if each is text)
    gone = spans_of(texts, clause)[-1][1]
    return {
        "id": clause,
        "document": text.metadata.name,
        "title": text.metadata.title,
        "section": found.section,
        "url": found.url or text.metadata.url,
        "summary": found.summary,
        "scope": found.scope,
        "applies_to": list(found.applies_to),
        "confidence": found.confidence,
        "rank": found.rank or text.spec.rank,
        "updates": text.spec.updates,
        "text_from": text.spec.effective.from_.isoformat(),
        "text_until": span[1].isoformat() if span[1] else None,
        "gone": gone.isoformat() if gone else None,
        "review_by": _written(found.review_by or text.spec.review_by),
        "seen": {"source": seen.source, "commit": seen.commit, "on": _written(seen.on), "fingerprint": found.fingerprint},
        "rows": [name for name, row in catalogue.rows.items() if any(clause in line.clauses for line in row.spec.matrix)],
        "note": found.note,
    }


def _text_of(texts: list[schema.Document], clause: str, at: int | None) -> tuple[schema.Document, schema.Clause]:
    having = [(text, found) for text in texts if (found := clause_in(text, clause)) is not None]
    day = day_of(at)
    held = [each for each in having if day is not None and each[0].spec.effective.from_.isoformat() <= day]
    return (held or having)[-1]


def _written(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _holds(cell: Cell, at: int) -> bool:
    return (cell.starts is None or cell.starts <= at) and (cell.until is None or at < cell.until)
