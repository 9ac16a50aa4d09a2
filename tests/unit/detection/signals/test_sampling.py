"""The signal `sampling` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.detection.traffic import WORDS, asked, bare, filling, terms_after


def test_best_of_n() -> None:
    """Several answers to each prompt count however they are asked for: by `n`, or one by one."""
    assert terms_after(bare(60, n=8, temperature=1.0))["sampled"] > 0.9
    assert terms_after([asked(filling(n // 8), n, temperature=1.0) for n in range(160)])["sampled"] > 0.9


@pytest.mark.parametrize("spoilt", [{"temperature": 0.0}, {"retried": True}])
def test_what_is_no_sample(spoilt: dict[str, Any]) -> None:
    """At temperature 0 the same prompt gives the same answer, and a retry is no second sample."""
    assert terms_after([asked(filling(n // 8), n, **spoilt) for n in range(160)])["sampled"] == 0


def test_several_readings_of_a_measure() -> None:
    """Metrics ask for a few answers at a low temperature and take their mean."""
    assert terms_after(bare(60, n=3, temperature=0.3))["sampled"] == 0


def test_a_load_test_is_no_sampling() -> None:
    """The same few prompts for ever bring nothing new."""
    assert terms_after([asked(f"Say the {WORDS[n % 6]} again.", n, temperature=1.0) for n in range(900)])["sampled"] == 0
