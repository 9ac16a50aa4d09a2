"""Waiting for the first of several events."""

from __future__ import annotations

import asyncio

import pytest

from proxy.control.waiting import first_of
from tests.waiting import PATIENCE


@pytest.mark.parametrize("which", [0, 1])
async def test_the_first_ends_the_wait(which: int) -> None:
    """Whichever is set, before or during the wait, and nothing is left waiting."""
    events = [asyncio.Event(), asyncio.Event()]
    waiting = asyncio.create_task(first_of(*events))
    await asyncio.sleep(0)
    assert not waiting.done()
    events[which].set()
    await asyncio.wait_for(waiting, PATIENCE)
    await first_of(*events)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_the_bound_ends_it_too() -> None:
    """No event is set then; and whoever cancels the wait leaves nothing behind either."""
    event = asyncio.Event()
    await asyncio.wait_for(first_of(event, seconds=0.01), PATIENCE)
    assert not event.is_set()
    waiting = asyncio.create_task(first_of(event))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
