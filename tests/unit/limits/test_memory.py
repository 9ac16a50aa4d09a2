"""Limits of one process, reserved, settled, released and ended."""

from proxy.core.buckets import Bucket, Reservation
from proxy.core.rules import Rate
from proxy.limits.memory import MemoryLimiter


def bucket(name: str, kind: str, rate: Rate, whose: str = "a") -> Bucket:
    """One thing that is limited."""
    return Bucket(name, whose, kind, rate, f"rule {name}")


PACE = bucket("pace", "requests", Rate(2, 60.0))
SPEND = bucket("spend", "tokens", Rate(1000, 3600.0))


def held(limiter: MemoryLimiter, *wanted: tuple[Bucket, int], now: float = 0.0) -> Reservation:
    """What was granted."""
    reservation = limiter.reserve(list(wanted), now).held
    assert isinstance(reservation, Reservation)
    return reservation


def test_each_principal_has_its_own_rate() -> None:
    """What one used up, another still has; the answer says which limit makes it wait, and how long."""
    limiter = MemoryLimiter()
    assert all(limiter.reserve([(PACE, 1)], 100.0).granted for _ in range(2))
    refused = limiter.reserve([(PACE, 1)], 100.0)
    assert (refused.granted, refused.limit, round(refused.wait)) == (False, "rule pace", 30)
    assert limiter.reserve([(bucket("pace", "requests", PACE.rate, "b"), 1)], 100.0).granted
    assert limiter.reserve([(PACE, 1)], 130.0).granted


def test_one_that_says_no_costs_the_others_nothing() -> None:
    """All of what a call needs is taken, or none of it."""
    limiter = MemoryLimiter()
    assert limiter.reserve([(SPEND, 1000)], 0.0).granted
    for _ in range(5):
        assert limiter.reserve([(PACE, 1), (SPEND, 10)], 0.0).limit == "rule spend"
    assert all(limiter.reserve([(PACE, 1)], 0.0).granted for _ in range(2))


def test_tokens_are_settled_by_what_was_used() -> None:
    """What was estimated too high comes back, what was too low is owed; a request counts once either way."""
    limiter = MemoryLimiter()
    first = held(limiter, (SPEND, 1000))
    assert not limiter.reserve([(SPEND, 1)], 0.0).granted
    for _ in range(2):
        limiter.settle(first, {"tokens": 400}, 0.0)
    second = held(limiter, (SPEND, 600))
    limiter.settle(second, {"tokens": 2600}, 0.0)
    assert round(limiter.reserve([(SPEND, 1000)], 0.0).wait) == 3 * 3600


def test_a_call_that_was_not_made_counts_nothing() -> None:
    """Its request and its tokens come back, once."""
    limiter = MemoryLimiter()
    reservation = held(limiter, (PACE, 2), (SPEND, 1000))
    for _ in range(2):
        limiter.release(reservation, 0.0)
    assert limiter.reserve([(PACE, 2), (SPEND, 1000)], 0.0).granted
    assert not limiter.reserve([(PACE, 1)], 0.0).granted


def test_memory_is_bounded_by_forgetting_who_was_idle_longest() -> None:
    """A flood of principals ends the count of others, and what is forgotten is not made up again when it is given back."""
    limiter = MemoryLimiter(most=3)
    idle = bucket("pace", "requests", PACE.rate, "idle")
    reservation = held(limiter, (idle, 2))
    for name in "abc":
        limiter.reserve([(bucket("pace", "requests", PACE.rate, name), 1)], 0.0)
    limiter.release(reservation, 0.0)
    assert limiter.reserve([(idle, 2)], 0.0).granted


def test_a_prompt_counts_once_in_its_time() -> None:
    """Asked again it takes nothing, whether it was answered or not; after a while it is new."""
    limiter, prompts = MemoryLimiter(), bucket("p", "prompts", Rate(2, 60.0))
    for _ in range(3):
        assert limiter.reserve([(prompts, 1)], 0.0, prompt=11).granted
    reservation = limiter.reserve([(prompts, 1)], 0.0, prompt=12).held
    assert isinstance(reservation, Reservation)
    limiter.release(reservation, 0.0)
    assert limiter.reserve([(prompts, 1)], 0.0, prompt=12).granted
    assert not limiter.reserve([(prompts, 1)], 0.0, prompt=13).granted
    assert limiter.reserve([(prompts, 1)], 61.0, prompt=13).granted
    assert limiter.reserve([(prompts, 1)], 61.0, prompt=11).granted
    assert not limiter.reserve([(prompts, 1)], 61.0, prompt=12).granted


def test_so_many_are_open_at_once() -> None:
    """One more is let in when one has ended, told once or twice, or was not made."""
    limiter, few = MemoryLimiter(), bucket("few", "concurrent", Rate(2, 0.0))
    first, second = held(limiter, (few, 1)), held(limiter, (few, 1), (PACE, 1))
    assert limiter.reserve([(few, 1)], 0.0).limit == "rule few"
    for _ in range(2):
        limiter.ended(first)
    assert limiter.reserve([(few, 1)], 0.0).granted
    limiter.release(second, 0.0)
    assert limiter.reserve([(few, 1)], 0.0).granted
    assert not limiter.reserve([(few, 1)], 0.0).granted
