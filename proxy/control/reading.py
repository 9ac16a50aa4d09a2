"""The loop of a duty that reads the store: pass after pass until it is told to stop, and patience while the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from proxy.control.process import Note, pause_unless
from proxy.ledger.store_errors import StoreError

_AWAY_SECONDS = 2.0


async def read_on(
    stop: asyncio.Event, pass_once: Callable[[asyncio.Event], Awaitable[None]], note: Note, waiting: str, pause_seconds: float
) -> None:
    """Pass until `stop` is set; what is left then is read by whoever comes next. `waiting` is noted once each time."""
    away = False
    while not stop.is_set():
        try:
            await pass_once(stop)
            away = False
        except StoreError as error:
            if not away:
                note(waiting, reason=str(error))
            away = True
        await pause_unless(stop, _AWAY_SECONDS if away else pause_seconds)
