"""The signal `finite_set` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import WORDS, asked, bare, filling, terms_after


def test_the_same_set_again() -> None:
    """A set of questions asked again later is finite, and so is a load test; a sweep is not."""
    assert terms_after([*bare(200), *bare(200)])["finite_set"] > 0.8
    assert terms_after([asked(f"Say the {WORDS[n % 6]} again.", n) for n in range(400)])["finite_set"] > 0.8
    assert terms_after(bare(400))["finite_set"] < 0.1


def test_sampling_is_no_finite_set() -> None:
    """Each prompt eight times in a row, then the next, is not a set that comes again."""
    assert terms_after([asked(filling(n // 8), n, temperature=1.0) for n in range(400)])["finite_set"] == 0
