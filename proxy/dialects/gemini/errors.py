"""Gemini's error shapes: `{"error": {"code", "message", "status", "details"}}`, `status` being the name of a google.rpc.Code."""

from __future__ import annotations

import msgspec

from proxy.dialects.error_message import with_record

_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    426: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_body(status: int, code: str, message: str, record_id: str) -> bytes:
    """A JSON error body; our code and the record stand in an ErrorInfo (AIP-193)."""
    word = _STATUSES.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
    detail = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": code.upper(),
        "domain": "tos-proxy",
        "metadata": {"record": record_id},
    }
    error = {"code": status, "message": with_record(message, record_id), "status": word, "details": [detail]}
    return msgspec.json.encode({"error": error})


def error_event(status: int, code: str, message: str, record_id: str) -> bytes:
    """The payload at which google-genai raises: `error` must be its first member."""
    return b"data: " + error_body(status, code, message, record_id) + b"\n\n"
