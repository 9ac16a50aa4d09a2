"""The loop of duties that read the store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxy.control import reading
from proxy.control.reading import read_on
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
