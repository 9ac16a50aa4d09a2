"""Faults planted for the torture by an absent database, each of which must turn it red.

`python -m tests.torture.dbdown_faults NAME serve` stands in for the command `tos-proxy` and, since it names itself as the way to
start children, for every process of the proxy. The product knows nothing of this.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.torture.planting import main

_HOARDED = b"x" * 65536
_ONE_IN = 50


def _after_errors(then: Callable[[Any], Any]) -> None:
    """Whenever a pass of the shipper fails, do something wrong."""
    from proxy.control.shipper import Shipper
    from proxy.ledger.store_errors import StoreError

    whole = Shipper.pass_once

    async def pass_once(self: Shipper, *, thorough: bool = False) -> bool:
        try:
            return await whole(self, thorough=thorough)
        except StoreError:
            await then(self)
            raise

    Shipper.pass_once = pass_once  # type: ignore[method-assign]


def _let_go(shipper: Any) -> None:
    for held in shipper._held:
        held.reading.cursor, held.reading.finished = held.batch.end, held.finished
    shipper._held.clear()


def skip_batch() -> None:
    """The shipper goes on behind a batch that could not be written."""

    async def skip(shipper: Any) -> None:
        _let_go(shipper)

    _after_errors(skip)


def forget_place() -> None:
    """After an error the shipper no longer knows its place, and begins with what is new."""

    async def forget(shipper: Any) -> None:
        _let_go(shipper)
        while held := shipper._read(thorough=True):
            shipper._held = held
            _let_go(shipper)

    _after_errors(forget)


def ship_twice() -> None:
    """What was tried in vain is written a second time under another day."""
    from proxy.control import shipper
    from proxy.ledger.store import Store
    from proxy.ledger.store_batch import Batch
    from proxy.ledger.store_errors import StoreError
    from proxy.ledger.store_ship import Shipped

    whole, failed = shipper.ship, []

    async def ship(store: Store, batch: Batch) -> Shipped:
        try:
            shipped = await whole(store, batch)
        except StoreError:
            failed.append(batch.start)
            raise
        if batch.start in failed:
            again = [(*row[:3], row[3] + 1, *row[4:]) for row in batch.entries]
            await whole(store, Batch(batch.instance, batch.epoch, batch.start, batch.end, again, last_at=batch.last_at))
        return shipped

    shipper.ship = ship


def hoard() -> None:
    """The gateway keeps 64 KiB of each request."""
    from proxy.ledger.stream import Stream

    write, kept = Stream.intent, []

    def intent(self: Stream, *told: Any, **more: Any) -> Any:
        kept.append(bytearray(_HOARDED))
        return write(self, *told, **more)

    Stream.intent = intent  # type: ignore[method-assign]


def refuse_some() -> None:
    """The gateway takes fright now and then and refuses."""
    from proxy.core.errors import LedgerUnavailableError
    from proxy.ledger.stream import Stream

    write, numbers = Stream.intent, count(1)

    def intent(self: Stream, *told: Any, **more: Any) -> Any:
        if not next(numbers) % _ONE_IN:
            raise LedgerUnavailableError("planted")
        return write(self, *told, **more)

    Stream.intent = intent  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "forget_place": forget_place,
    "hoard": hoard,
    "refuse_some": refuse_some,
    "ship_twice": ship_twice,
    "skip_batch": skip_batch,
}


if __name__ == "__main__":
    sys.exit(main("tests.torture.dbdown_faults", FAULTS, sys.argv[1:]))
