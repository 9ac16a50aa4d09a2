"""Faults planted for the drain torture, each of which must turn it red: `python -m tests.torture.drain_faults NAME serve`.

Stands in for the command `tos-proxy` and for every process of the proxy, as `kill9_faults` does. The product knows nothing of this.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tests.torture.planting import main


def _none() -> None:
    """The fault is in the plan."""


def cut_at_once() -> None:
    """A gateway gives its open streams no time."""
    from proxy.gateway.server import Worker

    told = Worker._told
    Worker._told = lambda self, message: told(self, {**message, "seconds": 0})  # type: ignore[method-assign]


def silent_last_answers() -> None:
    """A gateway does not say that its connections are about to end."""
    from proxy.wire.listener import Listener

    Listener.part = lambda self: None  # type: ignore[method-assign]


def leave_unshipped() -> None:
    """Control ships every half a minute, and ends at once, whatever the store lacks."""
    from proxy.control.shipper import Shipper

    run = Shipper.run

    async def hasty(self: Shipper, stop: object) -> None:
        ship, due = self.pass_once, 0.0

        async def at_rest(*, thorough: bool = False) -> bool:
            nonlocal due
            if thorough or time.monotonic() < due:
                return False
            due = time.monotonic() + 30
            return await ship()

        self.pass_once = at_rest  # type: ignore[method-assign]
        await run(self, stop)  # type: ignore[arg-type]

    Shipper.run = hasty  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "refuse_at_once": _none,
    "cut_at_once": cut_at_once,
    "silent_last_answers": silent_last_answers,
    "leave_unshipped": leave_unshipped,
}


if __name__ == "__main__":
    at_once = {"part_seconds": 0.0} if sys.argv[1] == "refuse_at_once" else {}
    sys.exit(main("tests.torture.drain_faults", FAULTS, sys.argv[1:], **at_once))
