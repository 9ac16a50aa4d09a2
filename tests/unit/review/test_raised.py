"""Findings before they are kept: repeats are merged."""

from __future__ import annotations

from proxy.review.raised import Raised, merge, stricter


def raised(at: int) -> Raised:
    return Raised("k", "terms", "low", "t", f"rec_{at}", f"rec_{at}", at, at)


def test_a_repeat_is_counted_and_moves_the_end() -> None:
    """In whichever order they come, the last is the latest; the first stays."""
    gathered: dict[str, Raised] = {}
    for at in (5, 9, 7):
        merge(gathered, raised(at))
    (one,) = gathered.values()
    assert (one.count, one.first_at, one.last_at, one.last_record) == (3, 5, 9, "rec_9")


def test_what_was_in_force_is_said_by_whichever_knows() -> None:
    """A line comes before its carrier, which alone says what was in force."""
    gathered: dict[str, Raised] = {}
    for policies in ("", "abc", "later"):
        one = raised(1)
        one.policies = policies
        merge(gathered, one)
    assert [one.policies for one in gathered.values()] == ["abc"]


def test_severities_have_an_order() -> None:
    """The stricter of two is taken."""
    assert stricter("low", "high") == "high"
    assert stricter("medium", "notice") == "medium"
