"""Entries that commands write into the ledger themselves, beside whoever else writes it."""

from __future__ import annotations

import asyncio

from proxy.control.process import durable
from proxy.core.clock import SystemClock
from proxy.core.snapshot import LedgerOptions
from proxy.ledger.recorder import Recorder
from proxy.settings.described import Running

COMMAND_WRITER = 1001
"""The number under which commands write; control has the one before (`proxy.app.open_ledger`)."""


async def record_mark(running: Running, event: str, detail: dict[str, str | int]) -> None:
    """Write a mark, in an epoch of its own; durable on return. It reaches the store with the rest.

    Raises: LedgerUnavailableError, OSError.
    """
    options = LedgerOptions(max_bytes=running.max_bytes)
    recorder = Recorder.open(running.data_dir, COMMAND_WRITER, options, SystemClock(), asyncio.get_running_loop())
    try:
        await durable(recorder.mark(event, detail))
    finally:
        await recorder.close()
