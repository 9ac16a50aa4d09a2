"""Patterns that need no evaluator; tests/property/test_expressions.py holds them against RE2."""

from __future__ import annotations

import pytest

from proxy.policy.plain_patterns import matcher


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        ("gpt-4", "a gpt-4o", "gpt-5"),
        ("^gpt-[0-9]+-(alpha|beta)$", "gpt-41-beta", "gpt-41-beta\n"),
        (r"^[a-z]{2,3}\.x?$", "abc.", "abcd."),
        ("^(?:ab|c)d", "cde", "abcd"),
        ("^", "", None),
    ],
)
def test_simple_patterns_are_functions(pattern: str, found: str, missed: str | None) -> None:
    """Of characters, sets, alternatives of texts, and how often; `$` is the end and nothing else."""
    test = matcher(pattern)
    assert test is not None
    assert test(found)
    assert missed is None or not test(missed)


@pytest.mark.parametrize(
    "pattern",
    [
        "a+",
        "gpt.",
        "^.*a",
        "^a+a",
        "^a*b?[a-c]",
        "^(a+)+$",
        "^(a|ab)c",
        "^(ab)+",
        r"^\d",
        r"^\pL",
        "^[^a]",
        "^a+?",
        "^a|b",
        "^a{2}{2}",
        "^(?i)a",
        "^a{\u0663}$",
        "^[z-a]",
    ],
)
def test_what_may_be_read_twice_is_left_to_the_evaluator(pattern: str) -> None:
    """What may repeat and be what follows, alternatives of which one begins another, and all that engines see differently."""
    assert matcher(pattern) is None
