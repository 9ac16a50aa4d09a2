"""What wakes those who read the store."""

from __future__ import annotations

import asyncio

from proxy.control.arrivals import Arrivals

PATIENCE = 20.0


async def test_whoever_waits_is_woken_by_what_arrives() -> None:
    """What came before is not waited for; nothing is no arrival; the end is heard, and so is the time."""
    arrivals, stop = Arrivals(), asyncio.Event()
    arrivals.add(3)
    async with asyncio.timeout(PATIENCE):
        await arrivals.beyond(2, stop, PATIENCE * 2)
        waiting = [asyncio.create_task(arrivals.beyond(3, stop, PATIENCE * 2)) for _ in range(2)]
        await asyncio.sleep(0)
        arrivals.add(0)
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        arrivals.add(1)
        await asyncio.gather(*waiting)
        assert arrivals.count == 4
        await arrivals.beyond(4, stop, 0.001)
        ending = asyncio.create_task(arrivals.beyond(4, stop, PATIENCE * 2))
        await asyncio.sleep(0)
        stop.set()
        await ending
        await arrivals.beyond(4, stop, PATIENCE * 2)
