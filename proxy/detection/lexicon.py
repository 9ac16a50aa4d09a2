"""A linear classifier over words: whether a text is the constant part of a program that makes data for a model, or of any other.

It is fitted to texts written for that (`benchmarks/detection/wordings`), so that it knows words that stand in no list of `wording`.
Words that carry no matter (pronouns, articles) are left out: they tell styles apart, not programs.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import sqrt, tanh

import msgspec

FEWEST = 12
"""Words and pairs of words of a prompt's constant part, below which it says nothing."""

_WORD = re.compile(r"[a-zà-ÿ]+|[\u3040-\u30ff\u4e00-\u9fff]")
_EMPTY_WORDS = """
    a about above after again all also always am an and any are as at be because been before being below between both but by can
    could d did do does doing don down during e each either else etc every exactly following for from further g given had has have
    having he her here hers him his how i ie if in into is it its itself just like ll m make may me might more most must my need
    never no nor not now o of off on once one only or other our ours out over own per please re s same she should so some such sure
    t than that the their theirs them then there these they this those through to too under until up us use used using ve very
    want was way we were what when where which while who whom why will with within without would you your yours yourself let
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_ENDINGS = ("ations", "ation", "ings", "ing", "ers", "ies", "es", "ed", "er", "s", "e")


class Lexicon(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`words`: what each word or pair of words speaks for, positive for making data. Without any it says nothing."""

    bias: float = 0.0
    words: dict[str, float] = {}

    def weigh(self, piece: str) -> tuple[float, int]:
        """What the words of a piece (lower case) speak for in all, and how many there are."""
        if not self.words:
            return 0.0, 0
        found = terms(piece)
        known = self.words.get
        return sum([known(word, 0.0) for word in found]), len(found)

    def leaning(self, total: float, count: int) -> float:
        """From -1, any other program, to 1, one that makes data; 0 for nothing to go by. Of the sums of all pieces of a prompt."""
        return tanh((total / sqrt(count) + self.bias) / 2) if count >= FEWEST else 0.0


NOTHING = Lexicon()
"""Knows no word."""


def terms(piece: str) -> list[str]:
    """The words of a piece that carry matter, without their endings, and each with the next; none twice, in order."""
    words = [_stem(word) for word in _WORD.findall(piece) if word not in _EMPTY]
    return list(dict.fromkeys([*words, *map(" ".join, pairwise(words))]))


def _stem(word: str) -> str:
    if len(word) > 4 and word.isascii():
        for ending in _ENDINGS:
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                return word[: -len(ending)]
    return word
