"""Exchanges counted by the hour, on SQLite and on PostgreSQL: each once, whoever counts and whenever it is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxy.control.counting import HourlyCounter
from proxy.ledger import store_following, store_hourly, store_totals
from proxy.ledger.store import Store
from proxy.ledger.store_following import OvertakenError
from proxy.ledger.store_ship import ship
from tests.ledgers import NOON, Writer

HOUR = store_hourly.HOUR_US


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


class Evening:
    """A clock of the day that is counted: what is older than KEPT_US is forgotten."""

    def utc_us(self) -> int:
        """See `core.clock.Clock`."""
        return NOON + 6 * HOUR

    def monotonic_ns(self) -> int:
        """See `core.clock.Clock`."""
        return 0


def counter(store: Store) -> HourlyCounter:
    return HourlyCounter(store, lambda: 0, lambda *_, **__: None, Evening())


async def test_what_is_asked_is_the_same_before_and_after(store: Store) -> None:
    """Counted, not yet counted, still open: the figures are those of the exchanges themselves, at every step."""
    writer = Writer()
    for hour, principal, decision in ((0, "a", "allow"), (0, "b", "deny"), (1, "a", "allow"), (2, "a", "allow")):
        writer.at = NOON + hour * HOUR
        writer.exchange(principal=principal, decision=decision)
    writer.intent(writer.new_id(), b"open", principal="c")
    writer.exchange(principal="d")
    await ship(store, writer.batch())
    before = await store_totals.since(store, NOON + HOUR)
    assert dict(before["principal"]) == {"a": 2, "c": 1, "d": 1}
    assert dict(before["outcome"])["open"] == 1
    counting = counter(store)
    await counting.pass_once()
    assert counting.lag_entries == 0
    assert await store_totals.since(store, NOON + HOUR) == before
    assert [number for _, _, number in await store_totals.by_hour(store, NOON)] == [1, 1, 1, 3]
    assert sum(number for _, number in (await store_totals.since(store, NOON))["decision"]) == 6
    await counter(store).pass_once()
    assert await store_totals.since(store, NOON + HOUR) == before


async def test_of_two_who_count_one_does(store: Store) -> None:
    """The place moves with the counts, so nothing is counted twice."""
    writer = Writer()
    writer.exchange()
    await ship(store, writer.batch())
    (place,) = await store_following.places(store, store_hourly.READER)
    await store_hourly.keep(store, place, place.upto, NOON)
    with pytest.raises(OvertakenError):
        await store_hourly.keep(store, place, place.upto, NOON)
    assert (await store_hourly.since(store, NOON)).kinds.total() == 1


async def test_names_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many principals in an hour they are counted together; none is lost."""
    monkeypatch.setattr(store_hourly, "MOST_PRINCIPALS", 2)
    writer = Writer()
    for name in ("a", "b", "c", "d", "a"):
        writer.exchange(principal=name)
    await ship(store, writer.batch())
    await counter(store).pass_once()
    assert dict((await store_totals.since(store, NOON))["principal"]) == {"a": 2, "b": 1, store_hourly.OTHERS: 2}


async def test_old_counts_go(store: Store) -> None:
    """What began before the bound is forgotten, what began since stays."""
    writer = Writer()
    for at in (NOON, NOON + HOUR):
        writer.at = at
        writer.exchange()
    await ship(store, writer.batch())
    await counter(store).pass_once()
    await store_hourly.forget(store, NOON + HOUR - NOON % HOUR)
    assert (await store_hourly.since(store, 0)).kinds.total() == 1
