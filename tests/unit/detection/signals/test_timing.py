"""The signal `timing` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import asked, bare, filling, terms_after


def test_gaps_of_people() -> None:
    """Minutes between prompts are not hurried, seconds are."""
    assert terms_after([asked(filling(n), n, at=200.0 * n) for n in range(60)])["hurried"] == 0
    assert terms_after(bare(60))["hurried"] > 0.9


def test_pivot_to_another_model() -> None:
    """One move to another model is a pivot; a mix of models is none."""
    assert terms_after([asked(filling(n), n, model="old" if n < 100 else "new") for n in range(200)])["pivot"] > 0.3
    assert terms_after([asked(filling(n), n, model="ab"[n % 2]) for n in range(200)])["pivot"] == 0
