"""Leaning: the words of the constant part count, those of slots do not."""

from __future__ import annotations

from proxy.detection.lexicon import Lexicon
from tests.unit.detection.traffic import filling, templated, terms_after

TEMPLATE = "Instructions of many plain kinds stand beside several other quiet words today. {}."
LEXICON = Lexicon(0.0, {"instruction": 9.0, "refund": -9.0})


def test_a_constant_part_in_the_words_of_makers_of_data() -> None:
    """Words that speak for making data give one term, those that speak for anything else the other."""
    made = terms_after(templated(40, TEMPLATE), LEXICON)
    assert (made["data_words"] > 0.8, made["other_words"]) == (True, 0)
    sold = terms_after(templated(40, TEMPLATE.replace("Instructions", "Refunds")), LEXICON)
    assert (sold["data_words"], sold["other_words"] > 0.8) == (0, True)


def test_slots_say_nothing() -> None:
    """Whatever a slot is filled with, it is not the client's own voice."""
    slots = Lexicon(0.0, {word: 9.0 for number in range(40) for word in filling(number).split()})
    assert terms_after(templated(40, TEMPLATE), slots)["data_words"] == 0
