"""Decisions from leases that are at hand, on their way, or not to be had."""

from __future__ import annotations

import pytest

from proxy.core.buckets import Bucket, Reservation
from proxy.core.decision import Grant
from proxy.core.oneshot import Oneshot
from proxy.core.rules import Rate
from proxy.limits.accounts import Answer, Given
from proxy.limits.leases import WAIT_SECONDS, Leases

PACE = Bucket("pace", "a", "requests", Rate(10, 10.0), "rule pace")
SPEND = Bucket("spend", "a", "tokens", Rate(1000, 10.0), "rule spend")
CLOCK = 1_000_000_000


class Desk:
    """Leases whose shared place answers as it is told."""

    def __init__(self) -> None:
        self.woken = 0
        self.leases = Leases(self.wake)
        self.leases.answered([], Answer("one", CLOCK, []), 0.0, 0.0)

    def wake(self) -> None:
        """Something is wanted."""
        self.woken += 1

    def reserve(self, *wanted: tuple[Bucket, int], now: float = 0.0, credit: bool = False) -> Grant:
        """Ask for a grant."""
        return self.leases.reserve(list(wanted), now, credit=credit)

    def answer(self, *amounts: int, epoch: str = "one", over: int = 0, now: float = 0.0) -> None:
        """The shared place gives."""
        asks = self.leases.asks(0.0)
        self.leases.answered(asks, Answer(epoch, CLOCK, [Given(amount, over) for amount in amounts]), now, now)


def coming(grant: Grant) -> Oneshot[None]:
    """What a grant says to wait for."""
    assert not grant.granted
    assert isinstance(grant.coming, Oneshot)
    return grant.coming


def test_what_is_short_is_asked_for_once_and_then_there() -> None:
    """All who wait go on with one answer; who comes later does not wait."""
    desk = Desk()
    waiting = [coming(desk.reserve((PACE, 1), (SPEND, 100))) for _ in range(3)]
    assert desk.woken == 3
    asks = desk.leases.asks(0.0)
    assert [(ask.key, ask.least, ask.demand) for ask in asks] == [(PACE.key, 1, 3), (SPEND.key, 100, 300)]
    desk.leases.answered(asks, Answer("one", CLOCK, [Given(4, 0), Given(400, 0)]), 0.0, 0.0)
    assert all(oneshot.done for oneshot in waiting)
    assert all(desk.reserve((PACE, 1), (SPEND, 100)).granted for _ in range(4))
    assert not desk.reserve((PACE, 1)).granted


def test_a_budget_that_is_used_up_is_not_asked_for_again() -> None:
    """Until its window ends the answer is no, with the time that is left; the other limit of the call keeps what it has."""
    desk = Desk()
    coming(desk.reserve((PACE, 1), (SPEND, 100)))
    desk.answer(0, 100)
    refused = desk.reserve((PACE, 1), (SPEND, 100), now=4.0)
    assert (refused.coming, refused.limit, refused.wait) == (None, "rule pace", pytest.approx(6.0))
    assert not refused.uncounted
    assert desk.reserve((SPEND, 100), now=4.0).granted


def test_without_an_answer_only_leases_are_spent() -> None:
    """Then it is no, and nobody waits, until there is one again."""
    desk = Desk()
    coming(desk.reserve((PACE, 1)))
    desk.answer(2)
    asked = coming(desk.reserve((PACE, 3)))
    desk.leases.lost(desk.leases.asks(0.0))
    assert asked.done
    assert [desk.reserve((PACE, 1)).granted for _ in range(3)] == [True, True, False]
    refused = desk.reserve((PACE, 1))
    assert (refused.coming, refused.uncounted) == (None, True)
    desk.answer()
    coming(desk.reserve((PACE, 1)))


def test_nobody_waits_for_long() -> None:
    """A shared place that is silent counts as away for all who come after."""
    desk = Desk()
    asked = coming(desk.reserve((PACE, 1), now=5.0))
    desk.leases.asks(0.0)
    desk.leases.tire(5.0 + WAIT_SECONDS / 2)
    assert not asked.done
    desk.leases.tire(5.0 + WAIT_SECONDS)
    assert asked.done
    assert desk.reserve((PACE, 1), now=5.1).coming is None
    assert not desk.leases.waited_for


def test_another_epoch_voids_all_leases() -> None:
    """Also those of budgets that were not asked for."""
    desk = Desk()
    coming(desk.reserve((PACE, 1), (SPEND, 100)))
    desk.answer(10, 1000)
    assert desk.reserve((PACE, 1), (SPEND, 100)).granted
    desk.answer(*[0 for _ in desk.leases._wanting], epoch="two")
    assert desk.leases.voided == 1
    assert not desk.reserve((SPEND, 1)).granted
    assert not desk.reserve((PACE, 1)).granted


def test_longer_answers_than_reserved_are_owed() -> None:
    """From what is at hand first; what budgets could not pay is counted."""
    desk = Desk()
    coming(desk.reserve((SPEND, 100)))
    desk.answer(150)
    held = desk.reserve((SPEND, 100)).held
    assert isinstance(held, Reservation)
    desk.leases.settle(held, {"tokens": 400}, 0.0)
    (ask,) = desk.leases.asks(0.0)
    assert (ask.owed, ask.demand) == (250, 0)
    desk.leases.answered([ask], Answer("one", CLOCK, [Given(0, 50)]), 0.0, 0.0)
    assert desk.leases.overrun == 50


def test_shorter_answers_and_calls_not_made_give_back() -> None:
    """Within their window; once."""
    desk = Desk()
    coming(desk.reserve((PACE, 1), (SPEND, 100)))
    desk.answer(1, 100)
    for give in ("settle", "release"):
        held = desk.reserve((PACE, 1), (SPEND, 100)).held if give == "settle" else desk.reserve((SPEND, 70)).held
        assert isinstance(held, Reservation)
        for _ in range(2):
            if give == "settle":
                desk.leases.settle(held, {"tokens": 30}, 0.0)
            else:
                desk.leases.release(held, 0.0)
    assert desk.reserve((SPEND, 70)).granted
    assert not desk.reserve((SPEND, 1)).granted


def test_who_cannot_wait_has_credit_once() -> None:
    """It is owed at once; where it is known that there is none, there is none."""
    desk = Desk()
    assert desk.reserve((PACE, 1), credit=True).granted
    (ask,) = desk.leases.asks(0.0)
    assert (ask.owed, ask.demand) == (1, 0)
    desk.leases.answered([ask], Answer("one", CLOCK, [Given(0, 0)]), 0.0, 0.0)
    coming(desk.reserve((PACE, 1)))
    desk.answer(0)
    assert not desk.reserve((PACE, 1), credit=True).granted


def test_what_is_left_goes_back_at_the_end() -> None:
    """With its window, so that another's does not grow by it; and what is owed is told."""
    desk = Desk()
    coming(desk.reserve((PACE, 1), (SPEND, 100)))
    desk.answer(4, 100)
    held = desk.reserve((PACE, 1), (SPEND, 100)).held
    assert isinstance(held, Reservation)
    desk.leases.settle(held, {"tokens": 130}, 0.0)
    back = {ask.key: (ask.owed, ask.window) for ask in desk.leases.unspent(1.0)}
    assert back == {PACE.key: (-3, 100), SPEND.key: (30, 100)}


def test_so_many_budgets_at_most_are_known() -> None:
    """Whoever was idle longest loses its lease."""
    leases = Leases(lambda: None, most=2)
    for name in "abc":
        leases.reserve([(Bucket("pace", name, "requests", Rate(10, 10.0), "p"), 1)], 0.0)
    assert len(leases._accounts) == 2
