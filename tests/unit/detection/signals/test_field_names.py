"""The signal `field_names` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

import pytest

from proxy.detection.records import Wishes
from tests.unit.detection.traffic import bare, templated, terms_after


def test_columns_of_a_training_set() -> None:
    """A question and what was said to it are columns of a training set; a score with its reason is not."""
    assert terms_after(bare(60, wishes=Wishes(fields=("instruction", "response"))))["dataset_fields"] > 0.9
    assert terms_after(bare(60, wishes=Wishes(fields=("score", "rationale"))))["dataset_fields"] == 0
    assert terms_after(bare(60, wishes=Wishes(fields=("question", "options", "answer"))))["dataset_fields"] == 0


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('[{"instruction": "Name a lake.", "output": "Lake Como."}]', True),
        ('```json\n[\n {\n  "question": "Which lake?",\n  "answer": "Como"', True),
        ("### Question 1:\nWhich lake?\n### Answer:\nComo.", True),
        ("[Question]\nWhich lake?\n[Answer]\nComo.", True),
        ("User: Which lake is it?\nAssistant: Como, I think.", True),
        ('[{"question": "Which lake?", "options": ["Como"], "answer": "Como"}]', False),
        ("Question: Which lake?\nA) Como\nB) Garda\nAnswer: A", False),
        ('{"question": "Which lake?", "noncommittal": 0}', False),
        ("The question of the lake has no simple answer: it is deep.", False),
    ],
)
def test_columns_in_the_answer(answer: str, told: bool) -> None:
    """Where no schema says so, the answers show it; a quiz has options, and prose has no labels."""
    seen = templated(60, "Invent three questions about this. {}.", answer=answer, answer_chars=len(answer))
    assert terms_after(seen)["dataset_fields"] == pytest.approx(float(told), abs=0.1)


def test_columns_that_nobody_asked_to_be_made() -> None:
    """A mail read into what is wanted and what to reply is a product's, whatever its fields are called."""
    answer = '{"question": "When do you open?", "answer": "At nine."}'
    seen = templated(60, "Read the mail and say what it wants. {}.", answer=answer, answer_chars=len(answer))
    assert terms_after(seen)["dataset_fields"] == 0
