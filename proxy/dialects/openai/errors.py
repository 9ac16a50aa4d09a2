"""OpenAI's error shapes: `{"error": {"message", "type", "param", "code"}}`, alone or as the event that breaks a stream."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.dialects.error_message import with_record

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    502: "upstream_error",
    503: "service_unavailable_error",
    504: "timeout_error",
}


def error_object(status: int, code: str, message: str, record_id: str) -> dict[str, Any]:
    """The object under `error`; `param` is always null, the record stands in the message."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"message": with_record(message, record_id), "type": kind, "param": None, "code": code}


def error_body(status: int, code: str, message: str, record_id: str) -> bytes:
    """A JSON error body."""
    return msgspec.json.encode({"error": error_object(status, code, message, record_id)})


def chat_error_event(status: int, code: str, message: str, record_id: str) -> bytes:
    """The SDKs raise on a payload with `error`."""
    return b"data: " + error_body(status, code, message, record_id) + b"\n\n"


def responses_error_event(status: int, code: str, message: str, record_id: str) -> bytes:
    """The API's own `error` event is only yielded by the SDKs; a further member `error` makes them raise."""
    error = error_object(status, code, message, record_id)
    event = {"type": "error", "code": code, "message": error["message"], "param": None, "sequence_number": 0, "error": error}
    return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"
