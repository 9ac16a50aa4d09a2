"""The release of a data set: every row cleared, the rows that pass in a manifest, those that do not with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from proxy import __version__
from proxy.ledger.store import Store
from proxy.provenance.answers import answers_with_origins
from proxy.provenance.manifest import ManifestError
from proxy.provenance.release import Clearance, Reason, Release
from proxy.provenance.rows import NO_RECORD, Row

CHUNK = 2000
"""Rows whose records are looked up together."""

_SUMMARY = ("purpose", "attributes", "by", "made_at", "terms", "input", "counts")
_WRONG = {NO_RECORD: "the row names no record", "not_json": "the row is not a JSON object"}


class Held(NamedTuple):
    """A row that does not pass: its number, the record, and one reason of perhaps several rows of reasons."""

    row: int
    record: str
    reason: Reason


@dataclass
class Released:
    """`passed`: rows for the manifest. `held`: reasons against the others, `held_rows` of them. `reasons`: rows by word."""

    passed: list[dict[str, Any]] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    held_rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """How many there were."""
        return len(self.passed) + self.held_rows


async def release(
    store: Store, judge: Release, rows: Iterable[Row], progress: Callable[[int], object] = lambda _: None
) -> Released:
    """Clear every row. `progress` is told how many were. Raises: StoreUnavailableError."""
    released = Released()
    waiting = iter(rows)
    while chunk := list(islice(waiting, CHUNK)):
        known = await answers_with_origins(store, {record for row in chunk for record in row.records})
        clearances = {record: judge.clear(record, known) for row in chunk for record in row.records}
        for row in chunk:
            _sort(released, row, [clearances[record] for record in row.records])
        progress(released.rows)
    return released


def _sort(released: Released, row: Row, clearances: list[Clearance]) -> None:
    """A row passes when all answers in it do."""
    held = [Held(row.number, "", Reason(row.wrong, _WRONG[row.wrong]))] if row.wrong else []
    held += [Held(row.number, each.record, reason) for each in clearances for reason in each.reasons]
    if not held:
        released.passed.append({"row": row.number, "sha256": row.digest, "answers": [_told(each) for each in clearances]})
        return
    released.held += held
    released.held_rows += 1
    released.reasons.update({each.reason.word for each in held})


def _told(clearance: Clearance) -> dict[str, Any]:
    """An answer as the manifest has it."""
    answer, verdict = clearance.answer, clearance.verdict
    assert answer is not None, "what is not known does not pass"
    entry = answer.entry
    return {
        "record": clearance.record,
        "leaf": answer.leaf,
        "answer_leaf": answer.answer_leaf,
        "asked_at": entry.at,
        "asked_for": entry.purpose,
        "upstream": entry.upstream,
        "model": answer.model or entry.facts.model or entry.model_requested,
        "contract": list(verdict.rows),
        "verdict": verdict.verdict,
        "basis": verdict.basis,
        "confirmed": verdict.confirmed,
        "clauses": list(verdict.clauses),
        "obligations": list(verdict.obligations),
    }


class Input(NamedTuple):
    """What was to be released: its name, and the SHA-256 of its bytes, 64 hex digits."""

    name: str
    sha256: str


def manifest(released: Released, given: Input, named: Mapping[str, Any], at: int) -> dict[str, Any]:
    """The manifest of the rows that pass. `named`: `purpose`, `attributes`, `terms` (version of the catalogue) and `by`; `at`:
    microseconds since 1970 UTC.
    """
    return {
        **named,
        "made_at": at,
        "program": f"tos-proxy {__version__}",
        "input": given._asdict(),
        "counts": {
            "rows": released.rows,
            "passed": len(released.passed),
            "held": released.held_rows,
            "held_by_reason": dict(released.reasons),
        },
        "rows": released.passed,
    }


def summary(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says besides its rows. Raises: ManifestError when something else was signed."""
    try:
        told = {name: manifest[name] for name in _SUMMARY}
        _ = told["input"]["sha256"], told["counts"]["rows"], told["counts"]["passed"]
        _ = [(row["row"], row["sha256"]) for row in manifest["rows"]]
    except (KeyError, TypeError) as error:
        raise ManifestError(f"this is signed, but no manifest of a release: {error} is missing") from None
    return told


class Compared(NamedTuple):
    """A file beside a manifest: numbers of its rows that were not `released`, and of the manifest's that are `missing` from it."""

    unreleased: list[int]
    missing: list[int]


def compared(manifest: Mapping[str, Any], rows: Iterable[Row]) -> Compared:
    """Which rows of a file a manifest does not cover, and the reverse. Rows are known by their bytes, wherever they stand, each as
    often as it was released.
    """
    left: dict[str, list[int]] = {}
    for released in manifest.get("rows", ()):
        left.setdefault(released["sha256"], []).append(released["row"])
    unreleased = []
    for row in rows:
        numbers = left.get(row.digest)
        if numbers:
            numbers.pop(0)
        else:
            unreleased.append(row.number)
    return Compared(unreleased, sorted(number for numbers in left.values() for number in numbers))
