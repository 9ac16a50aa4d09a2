"""Writes the tables of docs/terms-coverage.md from the shipped terms: `python -m docs.generate_terms_coverage`.

What stands between the marks is generated, the rest of the page is written by hand. Cells are those of the day on which the
catalogue was released, so that the page does not change by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from pathlib import Path

from proxy.core.terms import Cell, Row
from proxy.terms import compiling, schema
from proxy.terms.catalog import Catalogue, read

PAGE = Path(__file__).with_name("terms-coverage.md")
TERMS = Path(__file__).parents[1] / "policies" / "terms"
BEGIN, END = "<!-- generated: {} -->\n", "<!-- end -->\n"
COLUMNS = {
    "use.product": "product",
    "eval.private": "private eval",
    "eval.published": "published eval",
    "train.classifier_internal": "own classifier",
    "train.narrow_distributed": "narrow model",
    "train.general": "general model",
    "train.provider_native": "at provider",
    "train.self_distill": "self-distil",
    "data.publish": "data set",
    "research.academic": "research",
    "security.provider": "attack",
    "resale.passthrough": "resale",
    "extract.systematic": "extraction",
}
LETTERS = {"allow": "A", "allow_with_obligations": "O", "review": "R", "forbid": "F", "model": "m"}
READ = {"stored_primary": "primary text", "second_hand": "second-hand", "memory": "remembered"}


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table of Markdown."""
    columns = list(head)
    rule = "|" + "---|" * len(columns)
    return "\n".join(["", f"| {' | '.join(columns)} |", rule, *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def released(catalogue: Catalogue) -> dt.date:
    """The day of the catalogue, by its version."""
    return dt.date.fromisoformat(catalogue.version)


def cell_on(cells: Iterable[Cell], day: dt.date) -> Cell | None:
    """What holds on a day."""
    at = compiling.microseconds(day) or 0
    held = (cell for cell in cells if (cell.starts is None or cell.starts <= at) and (cell.until is None or at < cell.until))
    return next(held, None)


def marked(cell: Cell | None) -> str:
    """A cell as a letter with its marks."""
    if cell is None:
        return "·"
    express = cell.basis in {"express_grant", "exception"} and cell.verdict in {"allow", "allow_with_obligations"}
    marks = ((express, "e"), (not cell.confirmed, "?"), (cell.conflict, "!"), (bool(cell.requires), "*"))
    return LETTERS[cell.verdict] + "".join(mark for holds, mark in marks if holds)


def matrix(catalogue: Catalogue, kind: str) -> str:
    """Rows of one kind, by purpose."""
    day = released(catalogue)
    rows = [row for row in compiling.rows(catalogue).values() if row.kind == kind]
    return table(
        ("row", *COLUMNS.values()),
        ((f"`{row.id}`", *(marked(cell_on(row.cells.get(purpose, ()), day)) for purpose in COLUMNS)) for row in rows),
    )


def attributes(catalogue: Catalogue) -> str:
    """What cells ask of a principal: the value that lets through, and in which rows."""
    asked: dict[tuple[str, str], list[str]] = {}
    for name, row in catalogue.rows.items():
        for line in row.spec.matrix:
            for each in line.requires.items():
                asked.setdefault(each, []).append(f"`{name}`")
    lines = ((f"`{name}`", f'`"{value}"`', ", ".join(dict.fromkeys(rows))) for (name, value), rows in sorted(asked.items()))
    return table(("attribute", "lets through", "asked by"), lines)


def changes(catalogue: Catalogue) -> str:
    """Days until the release on which a cell became another, or the clauses that decide it did."""
    found = sorted(change for row in compiling.rows(catalogue).values() for change in _of(row, released(catalogue)))
    merged: dict[tuple[str, str, str], list[str]] = {}
    for day, name, turn, purpose in found:
        merged.setdefault((day, name, turn), []).append(f"`{purpose}`")
    return table(("day", "row", "before → after", "purposes"), ((*key, ", ".join(names)) for key, names in merged.items()))


def _of(row: Row, last: dt.date) -> Iterator[tuple[str, str, str, str]]:
    for purpose, cells in row.cells.items():
        before: Cell | None = None
        for cell in cells:
            day = None if cell.starts is None else dt.datetime.fromtimestamp(cell.starts / 1e6, dt.UTC).date()
            if day is not None and day <= last and (before is None or _told(before) != _told(cell)):
                said = LETTERS[before.verdict] if before else "R"
                yield day.isoformat(), f"`{row.id}`", f"{said} → {LETTERS[cell.verdict]}", purpose
            before = cell


def _told(cell: Cell) -> tuple[str, tuple[str, ...]]:
    return cell.verdict, cell.clauses


def documents(catalogue: Catalogue) -> str:
    """Every text of every document."""
    return table(
        ("document", "in effect from", "rank", "updates", "clauses", "least sure", "where it was read", "read again by"),
        (_text(name, text) for name, texts in sorted(catalogue.texts.items()) for text in texts),
    )


def _text(name: str, text: schema.Document) -> tuple[str, ...]:
    spec = text.spec
    printed = sum(clause.fingerprint is not None for clause in spec.clauses)
    count = f"{len(spec.clauses)}, {printed} with fingerprint" if printed else str(len(spec.clauses))
    sure = max((clause.confidence for clause in spec.clauses), key=list(READ).index, default=None)
    where = f"{spec.seen.source} `{spec.seen.commit}`" if spec.seen.commit else spec.seen.source
    title = f"[{name}]({text.metadata.url})"
    return (
        title,
        spec.effective.from_.isoformat(),
        spec.rank.replace("_", " "),
        spec.updates.replace("_", " "),
        count,
        READ[sure] if sure else "no clause",
        where,
        str(spec.review_by or ""),
    )


def gaps(catalogue: Catalogue) -> str:
    """Texts of which something was not read in the primary text, and what is said of that."""
    lines = []
    for name, texts in sorted(catalogue.texts.items()):
        text = texts[-1]
        unsure = [f"`{clause.id}`" for clause in text.spec.clauses if clause.confidence != "stored_primary"]
        if unsure or not text.spec.clauses:
            lines.append((name, ", ".join(unsure) or "none", text.spec.note or "·"))
    return table(("document", "clauses not read in the primary text", "why"), lines)


def counts(catalogue: Catalogue) -> str:
    """How much there is of everything."""
    texts = [text for texts in catalogue.texts.values() for text in texts]
    clauses = [clause for text in texts for clause in text.spec.clauses]
    primary = sum(clause.confidence == "stored_primary" for clause in clauses)
    printed = sum(clause.fingerprint is not None for clause in clauses)
    return (
        f"\n{len(catalogue.contracts)} contracts and {len(catalogue.licences)} weight licences rest on {len(texts)} texts of"
        f" {len(catalogue.texts)} documents. Of {len(clauses)} clauses {primary} were read in the primary text, and {printed} have"
        " the fingerprint of the line that was read.\n"
    )


def renewed(page: str, catalogue: Catalogue) -> str:
    """The page with its generated parts made anew."""
    parts = {
        "counts": counts(catalogue),
        "contracts": matrix(catalogue, "contract"),
        "licences": matrix(catalogue, "licence"),
        "attributes": attributes(catalogue),
        "changes": changes(catalogue),
        "gaps": gaps(catalogue),
        "documents": documents(catalogue),
    }
    for part, made in parts.items():
        begin = BEGIN.format(part)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(END)
        page = f"{before}{begin}{made}\n{END}{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(), read(TERMS)))
