"""The signal `answers` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from tests.unit.detection.traffic import asked, bare, terms_after


def test_lengths() -> None:
    """Long answers count as long, labels as tiny, and what is not known as neither."""
    assert terms_after(bare(40, output_tokens=400))["long_answers"] > 0.9
    assert terms_after(bare(40, output_tokens=3))["tiny"] > 0.9
    unknown = terms_after(bare(40, output_tokens=0))
    assert 0 < unknown["long_answers"] < 0.5
    assert unknown["tiny"] == 0


def test_hollow_prompts() -> None:
    """Long answers to hardly any prompt are a harvest of the model's own distribution; a greeting that gets a word is not."""
    assert terms_after([asked("", n, output_tokens=300) for n in range(60)])["hollow"] > 0.9
    assert terms_after([asked("Hi", n, output_tokens=10) for n in range(60)])["hollow"] == 0
