"""The signal `volume` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import asked, bare, filling, terms_after


def test_more_than_its_own_days_before() -> None:
    """A day of sixteen times the usual prompts is a surge, and the same days over again are none."""
    usual = [asked(filling(number), number, at=day * 86400.0 + number) for day in range(5) for number in range(8)]
    burst = [asked(filling(number), number, at=5 * 86400.0 + number) for number in range(300)]
    assert terms_after(usual + burst)["surge"] > 0.4
    assert terms_after(usual)["surge"] == 0


def test_bulk() -> None:
    """A handful of prompts is no bulk, a hundred and thirty are all of it."""
    assert terms_after(bare(8))["bulk"] == 0
    assert terms_after(bare(130))["bulk"] == 1
