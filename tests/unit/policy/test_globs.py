"""Values under `match` as patterns."""

from __future__ import annotations

import pytest

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
