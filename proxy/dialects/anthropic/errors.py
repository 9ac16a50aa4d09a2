"""Anthropic's error shapes: `{"type": "error", "error": {"type", "message"}, "request_id"}`, alone or as an `error` event."""

from __future__ import annotations

import msgspec

from proxy.dialects.error_message import with_record

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def error_body(status: int, code: str, message: str, record_id: str) -> bytes:
    """A JSON error body; Anthropic knows no codes, so ours is an extra member."""
    kind = _TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    error = {"type": kind, "message": with_record(message, record_id), "code": code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": record_id})


def error_event(status: int, code: str, message: str, record_id: str) -> bytes:
    """The event at which the SDKs raise."""
    return b"event: error\ndata: " + error_body(status, code, message, record_id) + b"\n\n"
