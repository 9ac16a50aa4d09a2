"""The loop of duties that read the store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.control import reading
from proxy.control.arrivals import Arrivals
from proxy.control.reading import read_on, until
from proxy.ledger.store_errors import StoreUnavailableError


async def test_it_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time is told once; another fault is not its own and ends it, for its process to begin it again."""
    monkeypatch.setattr(reading, "_AWAY_SECONDS", 0)
    stop, notes = asyncio.Event(), list[tuple[str, dict[str, Any]]]()
    passes = iter((None, StoreUnavailableError("a"), StoreUnavailableError("b"), None, StoreUnavailableError("c"), ValueError("d")))

    async def pass_once(given: asyncio.Event) -> None:
        assert given is stop
        if (error := next(passes)) is not None:
            raise error

    def note(event: str, /, **fields: Any) -> None:
        notes.append((event, fields))

    with pytest.raises(ValueError, match="d"):
        await read_on(stop, pass_once, note, "it waits", 0)
    assert notes == [("it waits", {"reason": "a"}), ("it waits", {"reason": "c"})]
    stop.set()
    await read_on(stop, pass_once, note, "it waits", 0)


async def test_a_duty_that_is_told_of_arrivals_sleeps_until_there_are_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """It passes once for what is there, then for what arrives; what arrives during a pass is not slept through."""
    monkeypatch.setattr(reading, "_IDLE_SECONDS", 3600.0)
    stop, arrivals, passed = asyncio.Event(), Arrivals(), asyncio.Queue[int]()
    arriving = iter((0, 0, 5, 0))

    async def pass_once(_stop: asyncio.Event) -> None:
        passed.put_nowait(arrivals.count)
        arrivals.add(next(arriving))

    running = asyncio.create_task(read_on(stop, pass_once, lambda *_, **__: None, "it waits", 0, arrivals))
    async with asyncio.timeout(20):
        assert await passed.get() == 0
        arrivals.add(2)
        assert await passed.get() == 2
        arrivals.add(1)
        assert [await passed.get() for _ in range(2)] == [3, 8]
        stop.set()
        await running
    assert passed.empty()


async def test_what_arrives_while_it_is_asked_for_is_not_slept_through() -> None:
    """Whoever waits for the first of something asks anew when it came between the question and the wait."""
    arrivals, stop, asked = Arrivals(), asyncio.Event(), list[int]()

    async def there() -> bool:
        asked.append(arrivals.count)
        arrivals.add(1)
        return len(asked) > 2

    async with asyncio.timeout(20):
        await until(there, arrivals, stop, 3600.0)
        stop.set()
        await until(there, arrivals, stop, 3600.0)
    assert asked == [0, 1, 2]
