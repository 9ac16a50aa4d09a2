"""The shipped terms say what was read, cell by cell; where they do not, an exception says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from proxy.terms.catalog import Catalogue
from tests.terms_checks import (
    bold_cells,
    planted,
    shipped,
    wrong_cells,
    wrong_clauses,
    wrong_fingerprints,
    wrong_rows,
    wrong_texts,
)
from tests.terms_reference import DOCUMENTS, FAVOURABLE, MATRIX

Check = Callable[[Catalogue], list[str]]
CHECKS = (wrong_cells, wrong_rows, wrong_texts, wrong_clauses, wrong_fingerprints, bold_cells)
FAULTS = (
    (
        "a flipped letter",
        wrong_cells,
        "openai/openai.api.yaml",
        "[train.general], verdict: forbid",
        "[train.general], verdict: review",
    ),
    ("a licence made laxer", wrong_cells, "licences/licence.tongyi-qianwen.yaml", "verdict: forbid", "verdict: review"),
    ("a memory that would allow", wrong_cells, "licences/mit@1987-01-01.yaml", "stored_primary", "memory"),
    ("a grant told as silence", wrong_cells, "deepseek/deepseek.api.yaml", "express_grant", "silence"),
    (
        "an exception for nothing",
        wrong_cells,
        "cohere/cohere.api.yaml",
        "[train.general]\n      verdict: review",
        "[train.general]\n      verdict: forbid",
    ),
    ("a row renamed", wrong_rows, "self_hosted/self_hosted.yaml", "name: self_hosted", "name: own_machines"),
    ("a reading made surer", wrong_texts, "google/gemini.additional_terms@2026-03-23.yaml", "second_hand", "memory"),
    ("a clause with no section", wrong_clauses, "groq/groq.services_agreement@2026-06-22.yaml", '      section: "18"\n', ""),
    ("a fingerprint mistyped", wrong_fingerprints, "aws/aws.service_terms@2026-08-20.yaml", "98a366f6a2811871", "98a366f6a2811872"),
    ("a bar on no ground", bold_cells, "groq/groq.api.yaml", "clauses: [groq.6.3c]", "clauses: []"),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_terms_say_what_was_read(check: Check) -> None:
    """Nothing is missing, nothing is said that nobody read, clauses have their particulars, no memory passes for knowledge."""
    assert check(shipped()) == []


@pytest.mark.parametrize(("what", "check", "file", "old", "new"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_shows(what: str, check: Check, file: str, old: str, new: str, tmp_path: Path) -> None:
    """Each of the checks finds a fault of its kind."""
    assert check(planted(tmp_path, file, old, new)), what


def test_the_table_is_whole() -> None:
    """The transcription has every line of what was read, and knows every attribute that a cell asks for."""
    assert (len(MATRIX.strip().splitlines()), len(DOCUMENTS.strip().splitlines())) == (59, 101)
    asked = {name for row in shipped().rows.values() for line in row.spec.matrix for name in line.requires}
    assert asked == set(FAVOURABLE)
