"""What a form sends, as texts: bounded by the gate, never trusted for more than words."""

from __future__ import annotations

from urllib.parse import parse_qsl

from fastapi import Request

from proxy.admin.api.deciding import MOST_NOTE
from proxy.admin.problems import ProblemError

_MOST_FIELDS = 100


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
