"""What a form sends, as texts: bounded by the gate, never trusted for more than words."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

from fastapi import Request

from proxy.admin.api.deciding import MOST_NOTE
from proxy.admin.problems import ProblemError

_MOST_FIELDS = 600
"""As many as a group has members to leave out, and some."""


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, the last of equal names. Raises: ProblemError 422."""
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise ProblemError(422, "invalid-request", "The form cannot be read.") from None
    form = dict(pairs)
    if any(len(value) > MOST_NOTE or "\0" in value for value in form.values()):
        raise ProblemError(422, "invalid-request", f"A field may hold {MOST_NOTE} characters, and no zero byte.")
    return form


def instant(told: str) -> int | None:
    """A day that a form holds, as microseconds since 1970 UTC; None for none. Raises: ProblemError 422 for what is no day."""
    if not told:
        return None
    try:
        return int(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise ProblemError(422, "invalid-request", "This is no day: write it as 2026-12-31.") from None
