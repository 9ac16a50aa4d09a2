"""A proxy whose control ships records and draws no conclusions from them: what shipping costs, apart from what is made of records.

`python -m benchmarks.ship_only alone serve` is `tos-proxy serve` without findings, hourly counts and the detector.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from tests.torture.planting import main


def alone() -> None:
    """Those who read the store wait for the end instead."""
    from proxy.control.analyst import Analyst
    from proxy.control.counting import HourlyCounter
    from proxy.control.findings import FindingRaiser

    async def wait(_duty: Any, stop: asyncio.Event) -> None:
        await stop.wait()

    for duty in (Analyst, HourlyCounter, FindingRaiser):
        duty.run = wait  # type: ignore[method-assign,assignment]  # planted


if __name__ == "__main__":
    sys.exit(main("benchmarks.ship_only", {"alone": alone}, sys.argv[1:]))
