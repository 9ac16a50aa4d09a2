"""Waiting for what happens elsewhere: in another task, thread or process.

PATIENCE says nothing about speed. It is far above what anything takes on a machine that is busy with other work, so that only what
never happens turns a test red.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds."""


async def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until it holds. Raises: TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what happens tells nobody
            await asyncio.sleep(0.005)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """The same without a loop. Raises: AssertionError."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"did not happen within {seconds:.0f} s"
        time.sleep(0.02)
