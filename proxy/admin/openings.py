"""Who opened which content, and why: an entry of the ledger before anything of it is shown, one per person, record and hour."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

Record = Callable[[str, dict[str, str | int]], Awaitable[None]]

HOUR_US = 3_600_000_000
MOST_REMEMBERED = 10_000


class Openings:
    """What was opened within the last hour. A control process that starts anew records again."""

    def __init__(self) -> None:
        self._at: OrderedDict[tuple[str, str], int] = OrderedDict()

    async def note(self, record: Record, who: str, exchange: str, why: str, now: int) -> None:
        """Record that `who` opens the content of an exchange. Raises: whatever `record` raises; then nothing may be shown."""
        key = (who, exchange)
        last = self._at.get(key)
        if last is not None and now - last < HOUR_US:
            return
        await record("content_opened", {"record": exchange, "by": who, **({"reason": why} if why else {})})
        self._at[key] = now
        self._at.move_to_end(key)
        if len(self._at) > MOST_REMEMBERED:
            self._at.popitem(last=False)
