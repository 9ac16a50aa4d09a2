"""Figures and times on pages."""

from __future__ import annotations

import pytest

from proxy.admin.pages import rendering


@pytest.mark.parametrize(
    ("given", "told"), [(5, "5 B"), (2048, "2.0 KiB"), (150 * 1024, "150 KiB"), (3 * 1024**3, "3.0 GiB"), (5 * 1024**5, "5120 TiB")]
)
def test_sizes_are_told_in_units(given: int, told: str) -> None:
    """As people say them."""
    assert rendering.size(given) == told


@pytest.mark.parametrize(("given", "told"), [(999, "999 µs"), (1500, "2 ms"), (2_500_000, "2.5 s")])
def test_durations_are_told_in_units(given: int, told: str) -> None:
    """As people say them."""
    assert rendering.duration(given) == told


def test_times_are_told_in_utc() -> None:
    """For people, and for programs beside."""
    assert str(rendering.moment(0)) == '<time datetime="1970-01-01T00:00:00+00:00">1970-01-01 00:00:00</time>'
    assert str(rendering.moment(None)) == "—"
    assert rendering.day(86_400_000_000) == "1970-01-02"
    assert rendering.count(1234567) == "1\u202f234\u202f567"
