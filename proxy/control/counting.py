"""Counts ended exchanges by the hour as they come into the store, with a durable place, so that pages need not count them anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from proxy.control.arrivals import Arrivals
from proxy.control.process import Note
from proxy.control.reading import read_on
from proxy.core.clock import Clock, SystemClock
from proxy.ledger import store_following, store_hourly
from proxy.ledger.store import Store
from proxy.ledger.store_following import OvertakenError, Place

SLICE = 8000
"""Entries counted at a time: some ten milliseconds of the database, most of what a transaction costs beside them."""

_PAUSE_SECONDS = 1.0
_DAILY_SECONDS = 86_400.0


class HourlyCounter:
    """One per control process; `run` is its duty. `lag_entries`: entries in the store that it has not counted.

    `handled` grows with every entry shipped here: an embedded store changes in no other way, so `arrivals` may be given.
    """

    def __init__(self, store: Store, handled: Callable[[], int], note: Note, clock: Clock | None = None) -> None:
        self.lag_entries = 0
        self.arrivals: Arrivals | None = None
        self._store = store
        self._handled = handled
        self._note = note
        self._clock = clock or SystemClock()
        self._seen = -1
        self._forgot_at = -_DAILY_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Count until `stop` is set; what is left then is counted by whoever comes next."""
        await read_on(stop, self.pass_once, self._note, "hourly counts wait for the database", _PAUSE_SECONDS, self.arrivals)

    async def pass_once(self, stop: asyncio.Event | None = None) -> None:
        """Count what there is. Raises: StoreUnavailableError; what was counted stays."""
        handled = self._handled()
        if handled != self._seen or self._store.dialect == "postgresql":
            places = await store_following.places(self._store, store_hourly.READER)
            self.lag_entries = sum(place.upto - place.after for place in places)
            for place in places:
                if not await self._count(place, stop):
                    return
            self._seen = handled
        if time.monotonic() - self._forgot_at >= _DAILY_SECONDS:
            await store_hourly.forget(self._store, self._clock.utc_us() - store_hourly.KEPT_US)
            self._forgot_at = time.monotonic()

    async def _count(self, place: Place, stop: asyncio.Event | None) -> bool:
        """Count one epoch to its end; False when told to stop before."""
        while place.after < place.upto:
            if stop is not None and stop.is_set():
                return False
            upto = min(place.after + SLICE, place.upto)
            try:
                await store_hourly.keep(self._store, place, upto, self._clock.utc_us())
            except OvertakenError:
                return True
            self.lag_entries = max(0, self.lag_entries - (upto - place.after))
            place = replace(place, after=upto)
        return True
