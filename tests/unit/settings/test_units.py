"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest

from proxy.settings.units import seconds, size, span


@pytest.mark.parametrize(
    ("written", "expected"),
    [("90d", 7_776_000), ("1.5h", 5400), ("30s", 30), ("100ms", 0.1), ("15m", 900), (20, 20), ("2w", 1_209_600)],
)
def test_durations(written: object, expected: float) -> None:
    """Durations become seconds."""
    assert seconds(written) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("written", "expected"), [("10GiB", 10 * 1024**3), ("500MB", 500_000_000), ("64 KiB", 65536), (1024, 1024)]
)
def test_sizes(written: object, expected: int) -> None:
    """Sizes become bytes, powers of 1024 and of 1000 apart."""
    assert size(written) == expected


def test_a_span_says_its_unit() -> None:
    """Ninety that was meant as days would erase everything after ninety seconds."""
    assert span("90d") == 90 * 86400
    for bare in ("90", 90):
        with pytest.raises(ValueError, match="should say its unit"):
            span(bare)


@pytest.mark.parametrize("written", ["", "ten", "-5s", "5 parsecs", True, None, float("nan"), "1e3s", "9" * 400])
def test_refused(written: object) -> None:
    """What is neither is refused with a hint."""
    for read in (seconds, size):
        with pytest.raises(ValueError, match=r"should be|unknown unit"):
            read(written)
