"""Waits for the first of several events, with or without a bound."""

from __future__ import annotations

import asyncio


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Wait until one of `events` is set, or `seconds` have passed; which it was, they tell."""
    if any(each.is_set() for each in events):
        return
    waits = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
