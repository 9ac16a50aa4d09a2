"""Rates of rules and principals, reserved and settled."""

from proxy.core.decision import GRANTED
from proxy.core.rules import Rate, Rule
from proxy.limits.memory import MemoryLimiter

PACE = Rule("pace", "throttle", requests=Rate(2, 60.0))
SPEND = Rule("spend", "throttle", tokens=Rate(1000, 3600.0))


def test_each_principal_has_its_own_rate() -> None:
    """What one used up, another still has; the answer says which rule makes it wait, and how long."""
    limiter = MemoryLimiter()
    assert all(limiter.reserve([(PACE, 1, 0)], "a", 100.0).granted for _ in range(2))
    refused = limiter.reserve([(PACE, 1, 0)], "a", 100.0)
    assert (refused.granted, refused.limit, round(refused.wait)) == (False, "pace", 30)
    assert limiter.reserve([(PACE, 1, 0)], "b", 100.0).granted
    assert limiter.reserve([(PACE, 1, 0)], "a", 130.0).granted


def test_one_that_says_no_costs_the_others_nothing() -> None:
    """All of what a call needs is taken, or none of it."""
    limiter = MemoryLimiter()
    assert limiter.reserve([(SPEND, 1, 1000)], "a", 0.0).granted
    for _ in range(5):
        assert limiter.reserve([(PACE, 1, 10), (SPEND, 1, 10)], "a", 0.0).limit == "spend"
    assert all(limiter.reserve([(PACE, 1, 0)], "a", 0.0).granted for _ in range(2))


def test_tokens_are_settled_by_what_was_used() -> None:
    """What was estimated too high comes back, what was too low is owed; a request counts once either way."""
    limiter = MemoryLimiter()
    held = limiter.reserve([(SPEND, 1, 1000)], "a", 0.0).held
    assert not limiter.reserve([(SPEND, 1, 1)], "a", 0.0).granted
    limiter.settle(held, 400, 0.0)
    limiter.settle(held, 400, 0.0)
    second = limiter.reserve([(SPEND, 1, 600)], "a", 0.0)
    assert second.granted
    limiter.settle(second.held, 2600, 0.0)
    assert round(limiter.reserve([(SPEND, 1, 1000)], "a", 0.0).wait) == 3 * 3600


def test_a_call_that_was_not_made_counts_nothing() -> None:
    """Its request and its tokens come back, once."""
    limiter = MemoryLimiter()
    held = limiter.reserve([(PACE, 2, 1000), (SPEND, 2, 1000)], "a", 0.0).held
    limiter.release(held, 0.0)
    limiter.release(held, 0.0)
    assert limiter.reserve([(PACE, 2, 1000), (SPEND, 2, 1000)], "a", 0.0).granted
    assert not limiter.reserve([(PACE, 1, 0)], "a", 0.0).granted


def test_memory_is_bounded_by_forgetting_who_was_idle_longest() -> None:
    """A flood of principals ends the count of others, and what is forgotten is not made up again when it is given back."""
    limiter = MemoryLimiter(most=3)
    held = limiter.reserve([(PACE, 2, 0)], "idle", 0.0).held
    for name in "abc":
        limiter.reserve([(PACE, 1, 0)], name, 0.0)
    limiter.release(held, 0.0)
    assert limiter.reserve([(PACE, 2, 0)], "idle", 0.0).granted


def test_no_rate_no_reservation() -> None:
    """Most calls are under none."""
    assert MemoryLimiter().reserve([], "a", 0.0) is GRANTED
