"""The loop of a duty that reads the store: pass after pass until it is told to stop, and patience while the database is away.

An idle process costs what wakes it: a duty that is told of what arrives sleeps until something does, and looks every other second
at what time alone brings about.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from proxy.control.arrivals import Arrivals
from proxy.control.process import Note, pause_unless
from proxy.ledger.store_errors import StoreError

_AWAY_SECONDS = 2.0
_IDLE_SECONDS = 2.0


async def read_on(
    stop: asyncio.Event,
    pass_once: Callable[[asyncio.Event], Awaitable[None]],
    note: Note,
    waiting: str,
    pause_seconds: float,
    arrivals: Arrivals | None = None,
) -> None:
    """Pass until `stop` is set; what is left then is read by whoever comes next. `waiting` is noted once each time. Between passes
    there are `pause_seconds`; with `arrivals`, which tell of everything that changes the store, more until there are some.
    """
    away = False
    while not stop.is_set():
        seen = arrivals.count if arrivals is not None else 0
        try:
            await pass_once(stop)
            away = False
        except StoreError as error:
            if not away:
                note(waiting, reason=str(error))
            away = True
        rest_until = time.monotonic() + (_AWAY_SECONDS if away else pause_seconds)
        if arrivals is not None and not away:
            await arrivals.beyond(seen, stop, _IDLE_SECONDS)
        if (rest := rest_until - time.monotonic()) > 0:
            await pause_unless(stop, rest)


async def until(there: Callable[[], Awaitable[bool]], arrivals: Arrivals, stop: asyncio.Event, seconds: float) -> None:
    """Wait until there is something, or `stop` is set: asked anew with what arrives, and every `seconds`."""
    while not stop.is_set():
        seen = arrivals.count  # what arrives while the answer is on its way is not slept through
        if await there():
            return
        await arrivals.beyond(seen, stop, seconds)
