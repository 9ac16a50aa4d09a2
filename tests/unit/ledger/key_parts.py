"""What the tests of keys share: a clock that stands still, a writer's keys."""

from __future__ import annotations

from pathlib import Path

from proxy.ledger.content_keys import ContentKeys
from proxy.ledger.disk import Disk

MASTER = bytes(range(32))
NOVEMBER = 1_795_000_000_000_000
DECEMBER = NOVEMBER + 40 * 86_400_000_000


class Clock:
    """Stands still until told."""

    def __init__(self, now: int = NOVEMBER) -> None:
        self.now = now

    def utc_us(self) -> int:
        """Microseconds."""
        return self.now

    def monotonic_ns(self) -> int:
        """Nanoseconds."""
        return self.now * 1000


def content_keys(data_dir: Path, clock: Clock | None = None) -> ContentKeys:
    """A writer's keys."""
    return ContentKeys(data_dir, "instance-0", MASTER, clock or Clock(), Disk())


def store(keys: ContentKeys) -> None:
    """As the spool's thread does before a commit."""
    slots = keys.take()
    assert slots is not None
    keys.store(slots)
