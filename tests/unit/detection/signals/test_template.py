"""The signal `template` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import asked, bare, templated, terms_after


def test_fixed_text_with_new_fills() -> None:
    """A wrapper around ever new fills is a template wherever the fill stands; bare prompts have none."""
    before = "{}. Please say what this passage is about. Keep it short and plain."
    after = "Please say what this passage is about. Keep it short and plain. {}."
    assert min(terms_after(templated(60, text))["template"] for text in (before, after)) > 0.9
    assert terms_after(bare(60))["template"] < 0.1


def test_repeats_are_no_fills() -> None:
    """One prompt over and over shows no slot."""
    assert terms_after([asked("Please say what this passage is about. Keep it short.", n) for n in range(60)])["template"] < 0.3
