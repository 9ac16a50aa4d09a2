"""Record ids: sortable by time, unguessable, never the same."""

from __future__ import annotations

import re

from proxy.core.ids import RecordIds


def test_form() -> None:
    """A prefix, milliseconds, and eighty random bits."""
    assert re.fullmatch(r"rec_0000000003e8[0-9a-f]{20}", RecordIds().next(1_000_999))


def test_sorted_by_time() -> None:
    """An id of a later millisecond sorts later."""
    ids = RecordIds()
    made = [ids.next(at) for at in range(0, 10_000_000, 1_000_000)]
    assert made == sorted(made)


def test_never_twice() -> None:
    """Thousands within one microsecond differ, also between two makers."""
    first, second = RecordIds(), RecordIds()
    assert len({maker.next(5) for _ in range(3000) for maker in (first, second)}) == 6000
