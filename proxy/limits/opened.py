"""How many exchanges are open, of whom, where that is limited."""

from __future__ import annotations

from proxy.core.buckets import CONCURRENT, Bucket, Key, Reservation, Wanted

BUSY_SECONDS = 1.0
"""When to ask again where too many are open: one may end at any moment."""


class Opened:
    """Counts by bucket; what nobody has open takes no memory."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}

    def full(self, bucket: Bucket) -> bool:
        """Whether no more may be open."""
        return self._counts.get(bucket.key, 0) >= bucket.rate.count

    def enter(self, wanted: Wanted) -> list[Bucket]:
        """One more is open in each of these that counts them; returns which those are."""
        holding = [bucket for bucket, _ in wanted if bucket.kind == CONCURRENT]
        for bucket in holding:
            self._counts[bucket.key] = self._counts.get(bucket.key, 0) + 1
        return holding

    def leave(self, held: Reservation) -> None:
        """One is no longer open; told again, nothing happens."""
        for bucket in held.open:
            left = self._counts.get(bucket.key, 0) - 1
            if left > 0:
                self._counts[bucket.key] = left
            else:
                self._counts.pop(bucket.key, None)
        held.open = []
