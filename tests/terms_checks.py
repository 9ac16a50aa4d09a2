"""Checks of the shipped terms, each a list of what is wrong: tests expect none, and one of each kind where a fault is planted."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from proxy.core.decision import Verdict
from proxy.terms import compiling, schema
from proxy.terms.catalog import Catalogue, read
from proxy.terms.verdict import TermsJudge
from tests import terms_reference as reference
from tests.catalogues import call, instant

FOLDER = Path(__file__).parents[1] / "policies" / "terms"
LETTERS = {"allow": "A", "allow_with_obligations": "O", "review": "R", "forbid": "F", "model": "m"}
BASIS = {"s": ("silence",), "e": ("express_grant", "exception")}
CODES = {"stored_primary": "S", "second_hand": "S2", "memory": "M"}
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


@cache
def shipped() -> Catalogue:
    """The catalogue as it is in the repository."""
    return read(FOLDER)


@cache
def shipped_judge() -> TermsJudge:
    """Who judges by it."""
    return judge(shipped())


def judge(catalogue: Catalogue) -> TermsJudge:
    """Who judges by a catalogue."""
    return TermsJudge(compiling.rows(catalogue), compiling.models(catalogue))


def planted(folder: Path, file: str, old: str, new: str) -> Catalogue:
    """The shipped catalogue with one change, in a folder of its own."""
    shutil.copytree(FOLDER, folder / "terms")
    path = folder / "terms" / file
    text = path.read_text()
    assert old in text, f"{file} holds no {old!r}"
    path.write_text(text.replace(old, new, 1))
    return read(folder / "terms")


def letter(judge: TermsJudge, row: str, purpose: str, day: str, attributes: dict[str, str]) -> tuple[str, str]:
    """What one row says by itself, as a letter, and the basis of it."""
    licence = row if row.startswith("licence.") else ""
    contract = "self_hosted" if licence else row
    part = judge.parts(call(day, purpose, None, "", attributes, contract=contract, licence=licence))[-1 if licence else 0]
    return LETTERS[part.verdict], part.basis


def lines_of_the_matrix() -> Iterator[tuple[str, str, str, str]]:
    """Row, day, purpose and what was read of it."""
    lines = [(*line.split("|", 1), reference.DAY) for line in reference.MATRIX.strip().splitlines()]
    for row, cells, day in [*lines, *((row, cells, day) for row, day, cells in reference.OTHER_CELLS)]:
        for purpose, code in zip(reference.PURPOSES, cells.split("|"), strict=True):
            yield row.strip(), day, purpose, code.strip()


def wrong_cells(catalogue: Catalogue) -> list[str]:
    """Cells that say something else than what was read, but for the exceptions; and exceptions that nothing needs."""
    judging, rows, wrong = judge(catalogue), catalogue.rows, []
    for row, day, purpose, code in lines_of_the_matrix():
        excuse = reference.EXCEPTIONS.get((row, purpose)) if day == reference.DAY else None
        found = f"{row}, {purpose}: {code} was read" if row in rows else f"{row} is missing"
        if (excuse is None) != _as_read(judging, row, day, purpose, code) or row not in rows:
            wrong.append(found)
        if excuse and letter(judging, row, purpose, day, reference.FAVOURABLE)[0] != excuse[0]:
            wrong.append(f"{found}, and the exception says {excuse}")
    return wrong


def _as_read(judging: TermsJudge, row: str, day: str, purpose: str, code: str) -> bool:
    best, _, worst = code.partition("/")
    verdict, basis = letter(judging, row, purpose, day, reference.FAVOURABLE)
    if best == "-":
        return verdict == "R"  # not offered, so nothing is said
    if best != "?" and (verdict != best[0] or basis not in BASIS.get(best[1:], (basis,))):
        return False
    opposite = dict.fromkeys(reference.FAVOURABLE, "true")
    return not worst or letter(judging, row, purpose, day, opposite)[0] == worst


def wrong_rows(catalogue: Catalogue) -> list[str]:
    """Rows that the reading does not account for, or that are missing."""
    read_rows = {row for row, *_ in lines_of_the_matrix()} | set(reference.MORE_ROWS)
    return sorted(set(catalogue.rows) ^ read_rows)


def wrong_texts(catalogue: Catalogue) -> list[str]:
    """Texts that are missing, that nobody read, or of which it is said that they were read otherwise."""
    found = {
        (name, text.spec.effective.from_.isoformat(), _least_sure(text))
        for name, texts in catalogue.texts.items()
        for text in texts
    }
    expected = {tuple(line.split()) for line in reference.DOCUMENTS.strip().splitlines()}
    return sorted(" ".join(each) for each in found ^ expected)


def _least_sure(text: schema.Document) -> str:
    codes = [CODES[clause.confidence] for clause in text.spec.clauses]
    return max(codes, key=list(CODES.values()).index) if codes else "-"


def wrong_clauses(catalogue: Catalogue) -> list[str]:
    """Clauses that do not say what a clause has to say, or that say more than two sentences."""
    wrong = []
    for name, texts in catalogue.texts.items():
        for text in texts:
            for clause in text.spec.clauses:
                seen = clause.seen or text.spec.seen
                said = (
                    clause.section,
                    clause.url or text.metadata.url,
                    seen.source,
                    seen.on,
                    clause.review_by or text.spec.review_by,
                )
                if not all(said) or not clause.applies_to or len(_SENTENCE_END.findall(clause.summary)) > 2:
                    wrong.append(f"{clause.id} of {name}@{text.spec.effective.from_}")
    return wrong


def wrong_fingerprints(catalogue: Catalogue) -> list[str]:
    """Fingerprints of the reading that the newest text does not carry."""
    newest = {clause.id: (text, clause) for texts in catalogue.texts.values() for text in texts for clause in text.spec.clauses}
    wrong = []
    for line in reference.FINGERPRINTS.strip().splitlines():
        name, commit, digest = line.split()
        text, clause = newest[name]
        if (text.spec.seen.commit, clause.fingerprint) != (commit, digest):
            wrong.append(name)
    return wrong


def bold_cells(catalogue: Catalogue) -> list[str]:
    """Cells that rest on memory and give better than review or pass for confirmed, and bars that name no clause."""
    remembered = {
        clause.id
        for texts in catalogue.texts.values()
        for text in texts
        for clause in text.spec.clauses
        if clause.confidence == "memory"
    }
    return [
        f"{row.id}, {purpose}"
        for row in compiling.rows(catalogue).values()
        for purpose, cells in row.cells.items()
        for cell in cells
        if (remembered & set(cell.clauses) and (cell.verdict not in {"review", "forbid"} or cell.confirmed))
        or (cell.verdict == "forbid" and not cell.clauses)
    ]


def verdict(catalogue_judge: TermsJudge, when: str, row: str, purpose: str, model: str | None = None) -> Verdict:
    """The verdict for a call under a contract, its principal's attributes favourable."""
    return catalogue_judge.judge(call(when, purpose, model, "", reference.FAVOURABLE, contract=row))


def second_before(day: str) -> str:
    """The last second of the day before, as ISO 8601."""
    return dt.datetime.fromtimestamp(instant(day) // 1_000_000 - 1, dt.UTC).isoformat()
