"""The signal `field_names` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from proxy.detection.records import Wishes
from tests.unit.detection.traffic import bare, terms_after


def test_columns_of_a_training_set() -> None:
    """A question and what was said to it are columns of a training set; a score with its reason is not."""
    assert terms_after(bare(60, wishes=Wishes(fields=("instruction", "response"))))["dataset_fields"] > 0.9
    assert terms_after(bare(60, wishes=Wishes(fields=("score", "rationale"))))["dataset_fields"] == 0
    assert terms_after(bare(60, wishes=Wishes(fields=("question", "options", "answer"))))["dataset_fields"] == 0
