"""Pages by keyset, newest first: a cursor is opaque to clients, `<time>.<id>` of the last row in base64url."""

from __future__ import annotations

import base64
import binascii

from sqlalchemy import Column, ColumnElement, and_, or_

from proxy.core.errors import TosProxyError

_NOT_OURS = "this cursor was not made by this API; begin again without one"


class BadCursorError(TosProxyError):
    """A cursor that was not made here."""


def cursor_of(at: int, name: str) -> str:
    """The cursor that continues after this row."""
    return base64.urlsafe_b64encode(f"{at}.{name}".encode()).decode().rstrip("=")


def parse_cursor(cursor: str) -> tuple[int, str]:
    """Time and id of the last row. Raises: BadCursorError."""
    try:
        at, _, name = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(".")
        number = int(at)
    except (binascii.Error, ValueError):
        raise BadCursorError(_NOT_OURS) from None
    if not 0 <= number < 2**63 or "\0" in name:
        raise BadCursorError(_NOT_OURS)
    return number, name


def named_in(cursor: str) -> str:
    """The name of the last row, where pages go by name; empty for the first page. Raises: BadCursorError."""
    return parse_cursor(cursor)[1] if cursor else ""


def behind(cursor: str, at: Column[int], name: Column[str]) -> ColumnElement[bool]:
    """The rows of the pages that follow: the first condition bounds the index, the second sorts out the rows of that microsecond.

    Raises: BadCursorError.
    """
    last_at, last_name = parse_cursor(cursor)
    return and_(at <= last_at, or_(at < last_at, name < last_name))
