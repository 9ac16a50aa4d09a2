"""The signal `feedback` says what it should, and stays silent on what looks like it."""

from __future__ import annotations

from proxy.detection.records import Observation
from tests.unit.detection.traffic import asked, filling, terms_after


def evolving(*, back: bool) -> list[Observation]:
    """Each prompt holds the answer before, or what nobody said."""
    seen = []
    for n in range(60):
        held = filling(n + 4999 if back else n + 9000, 12)
        seen.append(asked(f"Make this one richer. {held}.", n, answer=filling(n + 5000, 12), answer_chars=90))
    return seen


def test_answers_that_come_back() -> None:
    """An answer in the prompt of another conversation is fed back; other text is not."""
    assert terms_after(evolving(back=True))["fed_back"] > 0.9
    assert terms_after(evolving(back=False))["fed_back"] == 0


def test_an_echo_is_nothing() -> None:
    """What the model merely repeats of the prompt does not make the next prompt one that was fed."""
    text = "Please say what this passage is about in plain words"
    seen = [asked(f"{text}. {filling(n)}.", n, answer=text, answer_chars=60) for n in range(60)]
    assert terms_after(seen)["fed_back"] == 0
