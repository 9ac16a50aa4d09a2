"""Values under `match` as patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.policy.globs import holds, is_glob, pattern


@pytest.mark.parametrize(
    ("written", "word", "expected"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "GPT-4o", False),
        ("gpt-*", "gpt-4o", True),
        ("gpt-?o", "gpt-4o", True),
        ("gpt-*", "xgpt-4o", False),
        ("a.c", "abc", False),
        ("[ab]*", "a", False),
        ("*", "", True),
        ("a*", "a\nb", True),
    ],
)
def test_a_value_stands_for_words(written: str, word: str, expected: bool) -> None:
    """`*` and `?` stand for others, everything else for itself, and the word must match as a whole."""
    assert holds(written, word) is expected
    assert is_glob(written) == ("*" in written or "?" in written)


def test_runs_of_stars_are_one() -> None:
    """Many stars cost a search no more than one."""
    assert pattern("*" * 100 + "b").pattern == ".*b"


@pytest.mark.parametrize("word", ["a" * 20_000 + "b", "b" * 20_000, "ab" * 10_000])
def test_no_word_makes_a_search_long(word: str) -> None:
    """Clients choose the words: what was found first stays, where trying all ways would not end in this universe's time."""
    assert holds("*a" * 40, word) is False
    assert holds("*a?" * 40 + "*c", word) is False


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=9))
def test_all_ways_to_match_are_known(written: str, word: str) -> None:
    """A word is held by a value if and only if some way of filling its stars makes the word."""
    ways = "".join({"*": ".*", "?": "."}.get(letter, letter) for letter in written)
    assert holds(written, word) == (re.fullmatch(ways.replace(".*.*", ".*"), word, re.DOTALL) is not None)
