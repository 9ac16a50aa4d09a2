"""Cursors of pages."""

from __future__ import annotations

import base64

import pytest

from proxy.review.paging import BadCursorError, cursor_of, parse_cursor


def test_a_cursor_comes_back() -> None:
    """What a cursor was made of is read from it."""
    assert parse_cursor(cursor_of(17, "fnd_a.b")) == (17, "fnd_a.b")


@pytest.mark.parametrize("text", ["x", "none.a", f"{2**70}.a", "-5.a", "1.a\0b", "\xff"])
def test_another_cursor_is_refused(text: str) -> None:
    """What was not made here is an error, never a query."""
    with pytest.raises(BadCursorError):
        parse_cursor(base64.urlsafe_b64encode(text.encode("latin-1")).decode())
    with pytest.raises(BadCursorError):
        parse_cursor("é")
