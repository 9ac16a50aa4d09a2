"""The signal `parameter_harvest` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from typing import Any

from proxy.detection.records import Wishes
from tests.unit.detection.traffic import asked, bare, filling, terms_after


def harvest(rotating: bool, **more: Any) -> float:
    """The term after 60 prompts with a bias."""
    wishes = [Wishes(biased=1000 + n if rotating else 1000) for n in range(60)]
    return terms_after([asked(filling(n), n, wishes=wishes[n], max_tokens=1, **more) for n in range(60)])["harvest"]


def test_rotating_bias_under_log_probabilities() -> None:
    """Log-probabilities under one bias after another are a harvest."""
    assert harvest(rotating=True, logprobs=True, top_logprobs=5) > 0.9


def test_what_a_classifier_does() -> None:
    """The same bias for ever, or many without log-probabilities, is none."""
    assert harvest(rotating=False, logprobs=True, top_logprobs=5) == 0
    assert harvest(rotating=True) == 0


def test_distributions_of_ever_new_texts() -> None:
    """All alternatives of each token of what was never asked before, of one or of all; a confidence needs a few of them."""
    asks = {"logprobs": True, "max_tokens": 1}
    assert terms_after(bare(60, top_logprobs=20, **asks))["soft_labels"] > 0.9
    assert terms_after(bare(60, top_logprobs=20, logprobs=True, max_tokens=512))["soft_labels"] > 0.9
    assert terms_after(bare(60, top_logprobs=5, **asks))["soft_labels"] == 0
    assert terms_after([asked("Is it so?", n, top_logprobs=20, **asks) for n in range(60)])["soft_labels"] == 0
