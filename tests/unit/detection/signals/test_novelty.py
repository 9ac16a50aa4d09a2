"""The signal `novelty` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import bare, terms_after


def test_new_prompts() -> None:
    """Prompts that never came before are new; a set gone through three times is not."""
    assert terms_after(bare(100))["novelty"] > 0.9
    assert terms_after([*bare(30), *bare(30), *bare(30)])["novelty"] == 0
