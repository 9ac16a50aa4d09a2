"""Slots of exchanges that may be open at once: what is asked for, kept and given back."""

from __future__ import annotations

from proxy.limits.accounts import Ask, Given
from proxy.limits.slots import FULL_SECONDS, HELD_SECONDS, RENEW_SECONDS, Slots

KEY = ("principal", "a", "concurrent")


def leased(count: int, amount: int, waiting: int = 0) -> tuple[Slots, Ask]:
    """So many slots that were given at 0 s."""
    slots = Slots(KEY)
    slots.count = count
    for _ in range(waiting):
        slots.want(1)
    ask = slots.question(0.0)
    slots.receive(ask, Given(amount, 0), 0, 0.0, 0.0)
    return slots, ask


def test_a_slot_for_each_who_waits() -> None:
    """It is theirs until they come, and then given back when they go."""
    slots, ask = leased(4, 2, waiting=2)
    assert (ask.owed, ask.demand, ask.span_us) == (0, 2, 0)
    assert not slots.surplus()
    for _ in range(2):
        slots.enter()
    assert slots.at_hand(1.0) == 0
    slots.leave()
    assert slots.surplus()
    assert (slots.question(1.0).owed, slots.held) == (1, 1)


def test_a_large_limit_keeps_some_ahead() -> None:
    """One part in 32, while anything is open; an idle one gives all back."""
    slots, _ = leased(320, 11, waiting=1)
    slots.enter()
    assert not slots.low()
    assert slots.question(1.0).demand == 11
    slots.leave()
    assert slots.question(1.0).demand == 0


def test_none_to_be_had() -> None:
    """For a moment nobody asks again."""
    slots, _ = leased(1, 0, waiting=1)
    assert slots.dry(1, FULL_SECONDS / 2)
    assert not slots.dry(1, FULL_SECONDS * 2)


def test_they_end_when_nobody_was_told() -> None:
    """Heard of in time they go on; later only who is in them counts."""
    slots, _ = leased(4, 2, waiting=2)
    slots.enter()
    assert not slots.stale(RENEW_SECONDS / 2)
    assert slots.stale(RENEW_SECONDS * 2)
    assert (slots.at_hand(HELD_SECONDS - 1), slots.at_hand(HELD_SECONDS + 1)) == (1, 0)
    assert slots.question(HELD_SECONDS + 1).owed == 1


def test_nothing_is_left_at_the_end() -> None:
    """All go back, once."""
    slots, _ = leased(4, 2, waiting=2)
    slots.enter()
    ask = slots.give_up(1.0)
    assert ask is not None
    assert (ask.owed, ask.demand) == (0, 0)
    assert slots.give_up(1.0) is None
