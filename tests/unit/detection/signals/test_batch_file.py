"""The signal `batch_file` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import bare, terms_after


def test_lines() -> None:
    """New lines of batch files count; direct calls do not."""
    assert terms_after(bare(60, carried=True))["batch_lines"] > 0.9
    assert terms_after(bare(60))["batch_lines"] == 0
