"""What expressions ask of the moment of a call: parts of its date somewhere, its text. As CEL has them, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from proxy.core.call import Call
from proxy.policy.names import INT, STRING
from proxy.policy.plain_terms import BeyondError, Term

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = 60_000_000
_ZONE = re.compile(r"[A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_]+)+")
"""What is certain to be the same zone for everybody: the database's names of places."""
_PARTS: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDate": lambda at: at.day,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
}


def part_of_date(part: str, zone: str) -> Term:
    """`time.at.getHours("Europe/Berlin")`, found once a minute: offsets of zones are whole minutes. Empty `zone`: UTC.

    Raises: BeyondError when it is another part, or no zone that is known here.
    """
    read, place = _PARTS.get(part), _place(zone)
    if read is None:
        raise BeyondError
    known = (-1, 0)

    def found(call: Call) -> int:
        nonlocal known
        now = call.at // _MINUTE
        minute, value = known  # threads share it: a minute and its value are read, and replaced, at once
        if now != minute:
            value = read((_EPOCH + timedelta(minutes=now)).astimezone(place))
            known = (now, value)
        return value

    return Term(INT, found)


def _place(zone: str) -> tzinfo:
    if zone in ("", "UTC"):
        return UTC
    if _ZONE.fullmatch(zone) is None:
        raise BeyondError
    from zoneinfo import ZoneInfo  # most policies ask for no zone

    try:
        return ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        raise BeyondError from None


def text_of_moment() -> Term:
    """`string(time.at)`: RFC 3339 in UTC, of a second's parts what there is."""
    return Term(STRING, _text)


def _text(call: Call) -> str:
    written = (_EPOCH + timedelta(microseconds=call.at)).isoformat()[:-6]
    return f"{written.rstrip('0')}Z" if call.at % 1_000_000 else f"{written}Z"
