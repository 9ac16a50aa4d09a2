"""Times as the API takes them: microseconds since 1970 UTC, or a date or time by ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime


def instant(given: object) -> object:
    """The microseconds of a date or time by ISO 8601 (UTC when it names no zone); anything else as it came.

    Raises: ValueError for a text that is neither.
    """
    if not isinstance(given, str) or given.lstrip("-").isdigit():
        return given
    try:
        # a plus sign in a query means a space; nobody writes a space before a zone
        moment = datetime.fromisoformat(given.replace(" ", "+") if given.count(" ") == 1 and "T" in given else given)
    except ValueError:
        raise ValueError("should be microseconds since 1970, or a time like 2026-05-01T12:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)
