"""JSON in and around what a carrier carries, refused where a direct call is; and whether a file of an unknown kind has lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from proxy.dialects.carried import LINE_TYPES, is_known
from proxy.dialects.jsonio import Inspected, StrictJSONError, inspect_json
from proxy.gateway.refusal import Refused

_VAGUE_TYPES = ("", "application/octet-stream", "application/json", "text/plain")

_BEGINNING = re.compile(
    rb'\s*+\{\s*+"(?:custom_id|key|method|url|body|params|request|metadata|messages|contents|prompt|completion|input)"\s*+:'
)


def inspected(raw: bytes, charset: str | None) -> Inspected:
    """JSON that stands around lines. Raises: Refused 400, 415."""
    try:
        return inspect_json(raw, charset)
    except StrictJSONError as error:
        raise refused(error) from error


def refused(error: StrictJSONError, name: str = "") -> Refused:
    """As a direct call is; `name` says of what."""
    return Refused(error.status, error.code, name + error.message)


def say_lines(types: Iterable[str]) -> bool | None:
    """Whether a file's types say that it has lines: True, False, or None when they leave it open."""
    bare = [each.partition(";")[0].strip().lower() for each in types]
    if any(name in each for each in bare for name in LINE_TYPES):
        return True
    return None if any(each in _VAGUE_TYPES for each in bare) else False


def begins_call(beginning: bytes) -> bool:
    """Whether a line of which there is only a beginning may be such a call: it begins with a member that these have."""
    return b"\n" not in beginning.strip() and _BEGINNING.match(beginning) is not None


def may_be_call(line: bytes) -> bool:
    """Whether a line has a form that a batch's or a training file's has, or would be refused if it had."""
    if line[:1] != b"{":
        return False
    try:
        return is_known(inspect_json(line).tree)
    except StrictJSONError as error:
        return error.code != "json_not_utf8"  # which other files may well be
