"""Prompts that were counted lately."""

from proxy.limits.seen import Seen

KEY = ("n", "w", "prompts")


def test_the_oldest_is_forgotten_first() -> None:
    """Of so many at most is known that they were asked, and only for a time."""
    seen = Seen(most=2)
    for prompt in (1, 2, 1, 3):
        seen.add(KEY, prompt, 0.0)
    assert [seen.known(KEY, prompt, 9.0, 10.0) for prompt in (1, 2, 3)] == [True, False, True]
    assert not seen.known(KEY, 1, 10.0, 10.0)
    assert not seen.known(("n", "x", "prompts"), 1, 0.0, 10.0)
