"""Record ids: `rec_` + 12 hex digits of UTC milliseconds + 20 random hex digits; they sort by time and cannot be guessed."""

from __future__ import annotations

import os

_POOL_BYTES = 4000
_RANDOM_BYTES = 10


class RecordIds:
    """Makes record ids; randomness is drawn for 200 ids at a time, since one `urandom` call costs as much as the rest."""

    __slots__ = ("_at", "_pool")

    def __init__(self) -> None:
        self._pool = ""
        self._at = 0

    def next(self, utc_us: int) -> str:
        """A new id for an exchange that began at `utc_us` (microseconds since 1970)."""
        start = self._at
        if start == len(self._pool):
            self._pool = os.urandom(_POOL_BYTES).hex()
            start = 0
        self._at = start + 2 * _RANDOM_BYTES
        return f"rec_{utc_us // 1000:012x}{self._pool[start : self._at]}"
