"""The rate algorithm against counting."""

import random

import pytest

from proxy.core.rules import Rate
from proxy.limits import gcra


@pytest.mark.parametrize("rate", [Rate(1, 1.0), Rate(30, 60.0), Rate(7, 0.1), Rate(50_000, 3600.0)])
def test_a_burst_of_one_period_and_then_an_even_pace(rate: Rate) -> None:
    """Whoever takes all that is let through gets exactly the rate, after a whole period's worth at once."""
    now, arrival, allowed = 1000.0, 0.0, 0
    until = now + 10 * rate.seconds
    burst = 0
    while gcra.wait(arrival, now, rate, 1) <= 0.0:
        arrival = gcra.taken(arrival, now, rate, 1)
        burst += 1
    assert burst == rate.count
    for _ in range(min(rate.count * 10, 2000)):
        now += gcra.wait(arrival, now, rate, 1)
        assert gcra.wait(arrival, now, rate, 1) == pytest.approx(0.0, abs=1e-6)
        arrival = gcra.taken(arrival, now, rate, 1)
        allowed += 1
    assert now == pytest.approx(1000.0 + allowed * rate.seconds / rate.count)
    assert now <= until + 1e-6


def test_what_is_given_back_can_be_taken_again() -> None:
    """In any order, and never more than was taken."""
    rate, chance = Rate(10, 60.0), random.Random(3)
    arrival = 0.0
    for _ in range(1000):
        amount = chance.randrange(1, 11)
        if gcra.wait(arrival, 5.0, rate, amount) <= 0.0:
            arrival = gcra.taken(gcra.taken(arrival, 5.0, rate, amount), 5.0, rate, -amount)
    assert gcra.wait(arrival, 5.0, rate, 10) == 0.0


def test_what_is_larger_than_the_rate_waits_for_all_of_it() -> None:
    """A call is not refused for ever because it is long; it leaves a debt."""
    rate = Rate(100, 60.0)
    assert gcra.wait(0.0, 50.0, rate, 1000) == 0.0
    arrival = gcra.taken(0.0, 50.0, rate, 1000)
    assert gcra.wait(arrival, 50.0, rate, 1) == pytest.approx(540.6)
