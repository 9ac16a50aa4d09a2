"""Concepts of a piece of text: a word near a word, or a phrase; neighbours in meaning are told apart."""

from __future__ import annotations

import pytest

from proxy.detection import wording


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("invent three more questions like these", wording.GENERATE),
        ("make every example different and avoid repetition", wording.DIVERSE),
        ("evolve this instruction into a harder one", wording.REWRITE),
        ("this will be used for fine-tuning", wording.TRAINING),
        ("grade both answers", wording.JUDGE),
        ("show your work", wording.COERCE),
        ("put it into \\boxed", wording.STEPS),
        ("do not flip roles", wording.ROLES),
        ("classify the mail", wording.NARROW),
        ("reason in chinese", wording.LANGUAGE),
        ("use the search results", wording.CONTEXT),
    ],
)
def test_each_concept(text: str, concept: int) -> None:
    """A sentence that says it is known for it."""
    assert wording.concepts(text) & concept
    assert concept in wording.NAMES


@pytest.mark.parametrize(
    "text", ["what is the tallest tower of the town", "create an account for me and call me a taxi to the station"]
)
def test_plain_requests(text: str) -> None:
    """What people ask every day has no concept."""
    assert wording.concepts(text) == 0
