"""Usage by day, on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from proxy.core.facts import AnswerFacts, Usage
from proxy.ledger import store_usage
from proxy.ledger.store import Store
from proxy.ledger.store_rows import DAY_US
from proxy.ledger.store_ship import ship
from proxy.ledger.store_usage import Recorded
from tests.ledgers import NOON, Writer

DAY = NOON // DAY_US


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def test_usage_is_by_utc_day(store: Store) -> None:
    """A call counts on the day it began; one that failed uses tokens but is no request; models are those that answered; other
    upstreams are left out where one is named.
    """
    assert await store_usage.first_day(store) is None
    writer = Writer(at=(DAY + 1) * DAY_US - 1000)
    await _exchange(writer)  # begins in the first millisecond of the next day
    writer.at = DAY * DAY_US
    for status in (200, 500):
        await _exchange(writer, status)
    writer.exchange(upstream="gemini", model_requested="g")
    await ship(store, writer.batch())
    told = await store_usage.by_day(store, DAY, DAY + 1, ["openai"])
    assert told == [
        Recorded(DAY, "chat", told[0].key, "gpt-5-2026", 1, 6, 10),
        Recorded(DAY + 1, "chat", told[0].key, "gpt-5-2026", 1, 3, 5),
    ]
    assert len(await store_usage.by_day(store, DAY, DAY)) == 1
    assert sum(each.requests for each in await store_usage.by_day(store, DAY, DAY)) == 2
    assert await store_usage.first_day(store) == DAY


async def _exchange(writer: Writer, status: int = 200) -> None:
    intent = writer.intent(writer.new_id())
    writer.outcome(intent, status=status, facts=AnswerFacts(usage=Usage(input=3, output=5)))
