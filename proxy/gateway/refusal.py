"""Answers that we make ourselves: in the provider's own error shape, marked as ours, never a 5xx for policy."""

from __future__ import annotations

from proxy.core.decision import Decision, Grant, Verdict
from proxy.core.exchange import Exchange
from proxy.dialects import by_name
from proxy.dialects.contract import Dialect

_REASONS = {
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    417: b"Expectation Failed",
    426: b"Upgrade Required",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
}
SLOWED = "slowed_down"
"""The code of a limit that says why and whom to ask, which is told to everybody."""
_DECISIONS = {403: b"deny", 429: b"throttle"}
_CARRIED = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_LONGEST_WAIT = 60
_HANDSHAKE = "bad_handshake"
_OBJECTING = ("review", "forbid")


class Refused(Exception):  # noqa: N818 - a decision, not an error
    """The exchange ends here with an answer of ours.

    Args:
        status: HTTP status of the answer.
        code: our word for the reason (`policy_violation`, `ledger_unavailable`, `bad_request` …); in the body and the record.
        message: for the person who reads the client's error.
        wait: seconds after which a retry makes sense; None: a retry is useless.

    """

    def __init__(self, status: int, code: str, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.wait = wait


def objection(verdict: Verdict, decision: Decision, grant: Grant) -> Refused | None:
    """Why a call may not be made, 403 or 429; None when it may. The message names rules and clauses, those of the terms too."""
    if decision.effect == "deny":
        message = decision.message
        clauses = [clause for clause in verdict.clauses if clause not in message]
        if clauses and verdict.verdict in _OBJECTING:
            message += f" The terms say {verdict.verdict}: {', '.join(clauses)}."
        return Refused(403, "policy_violation", message)
    if not grant.granted and grant.message:
        return Refused(429, SLOWED, f"{grant.message} ({grant.limit})", wait=grant.wait)
    if not grant.granted and grant.uncounted:
        message = f"What is left of the limit of {grant.limit} cannot be counted just now, and nothing is given until it can."
        return Refused(429, "rate_limited", message, wait=grant.wait)
    if not grant.granted:
        return Refused(429, "rate_limited", f"The limit of {grant.limit} is used up.", wait=grant.wait)
    return None


def answer(dialect: Dialect, refused: Refused, exchange: Exchange | None, *, close: bool, head_only: bool = False) -> bytes:
    """The whole answer as bytes. Without an exchange (what came was not a request) there is no record to name."""
    record_id = exchange.id if exchange else ""
    body = dialect.error_body(refused.status, refused.code, refused.message, record_id)
    lines = [
        b"HTTP/1.1 %d %b" % (refused.status, _REASONS.get(refused.status, b"Error")),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"x-tos-source: proxy",
        b"x-tos-decision: %b" % _DECISIONS.get(refused.status, b"refuse"),
    ]
    if exchange is not None:
        lines.append(b"x-tos-record: %b" % record_id.encode())
        lines += [b"%b: %b" % (name.encode(), value.encode()) for name, value in dialect.error_headers(record_id).items()]
    lines += _retry_lines(refused)
    if refused.status == 405:  # RFC 9110 §15.5.6 demands it
        lines.append(_CARRIED)
    if refused.status == 426:
        # RFC 6455 §4.4: the version that is spoken; elsewhere nothing but HTTP is
        lines += [b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"] if refused.code == _HANDSHAKE else [b"Upgrade: HTTP/1.1"]
    if close:
        lines.append(b"Connection: close")
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    return head if head_only else head + body


def _retry_lines(refused: Refused) -> list[bytes]:
    """SDKs retry 408, 409, 429 and 5xx on their own; we say whether that makes sense, and keep them from sleeping for hours."""
    if refused.wait is None:
        return [b"x-should-retry: false"] if refused.status < 500 else []
    lines = [b"retry-after: %d" % min(max(1, round(refused.wait)), _LONGEST_WAIT)]
    if refused.wait > _LONGEST_WAIT:
        lines.append(b"x-should-retry: false")
    return lines


def not_a_request(status: int, reason: str) -> bytes:
    """The answer to what is not a complete, well-formed request head; counted, not recorded, so there is nothing to name."""
    return answer(by_name("openai"), Refused(status, "bad_request", reason), None, close=True)
