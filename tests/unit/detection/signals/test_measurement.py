"""The signal `measurement` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from proxy.detection.records import Wishes
from tests.unit.detection.traffic import bare, terms_after


def test_how_evaluations_ask() -> None:
    """Temperature 0, stop sequences and a small limit are read from what was sent, and default to no."""
    seen = terms_after(bare(60, temperature=0.0, max_tokens=8, wishes=Wishes(stops=True)))
    assert min(seen["cold"], seen["stops"], seen["short_limit"]) > 0.9
    plain = terms_after(bare(60))
    assert plain["cold"] == plain["stops"] == plain["short_limit"] == 0
