"""Times as the API takes them."""

from __future__ import annotations

import pytest

from proxy.admin.api.instants import instant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("2026-05-01", 1_777_593_600_000_000),
        ("2026-05-01T00:00:00Z", 1_777_593_600_000_000),
        ("2026-05-01T02:00:00 02:00", 1_777_593_600_000_000),
        ("17", "17"),
        (17, 17),
    ],
)
def test_times(given: object, meant: object) -> None:
    """Dates, times with and without zone (also as a query has them), and numbers as they are."""
    assert instant(given) == meant


def test_other_words_are_refused() -> None:
    """With what would have been right."""
    with pytest.raises(ValueError, match="2026-05-01T12:00:00Z"):
        instant("tomorrow")
