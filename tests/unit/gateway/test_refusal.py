"""Answers of our own: the provider's shape, our marks, and what makes SDKs retry or stop."""

from __future__ import annotations

from email.parser import BytesParser

import msgspec
import pytest

from proxy.core.decision import Decision, Grant
from proxy.dialects import by_name
from proxy.gateway.refusal import Refused, answer, not_a_request
from tests.unit.gateway.stage import KEYED, Stage, get, post, status_of

PATHS = {
    "openai": b"/openai/v1/chat/completions",
    "anthropic": b"/anthropic/v1/messages",
    "gemini": b"/gemini/v1beta/models/m:generateContent",
}


def fields_of(told: bytes | bytearray) -> dict[str, str]:
    """An answer's fields, lower-case."""
    head = bytes(told).partition(b"\r\n\r\n")[0].partition(b"\r\n")[2]
    return {name.lower(): value for name, value in BytesParser().parsebytes(head).items()}


def denied(dialect: str, message: str = "Rule r, clause c.") -> tuple[Stage, bytes]:
    """A gateway that denied a request, and what it said."""
    stage = Stage()
    stage.steps.decision = Decision("deny", ("r",), ("c",), message)
    client = stage.client(post(PATHS[dialect]))
    return stage, bytes(client.taken)


@pytest.mark.parametrize("dialect", PATHS)
def test_denied(dialect: str) -> None:
    """Denied is 403 that nobody retries, marked as ours, naming record and decision; nothing went upstream."""
    stage, told = denied(dialect)
    fields = fields_of(told)
    assert status_of(told) == 403
    assert (fields["x-tos-source"], fields["x-tos-decision"], fields["x-should-retry"]) == ("proxy", "deny", "false")
    assert fields["x-tos-record"] == stage.refusal.id
    assert "retry-after" not in fields
    assert (stage.sent, stage.refusal.status, stage.refusal.rules, stage.refusal.clauses) == (b"", 403, ("r",), ("c",))
    stage.check_figures()


def test_shape_of_openai() -> None:
    """OpenAI's clients find message and type in `error`."""
    error = msgspec.json.decode(denied("openai")[1].partition(b"\r\n\r\n")[2])["error"]
    assert "Rule r, clause c." in error["message"]
    assert error["code"] == "policy_violation"


def test_shape_of_anthropic() -> None:
    """Anthropic's clients find an error of type `error`."""
    body = msgspec.json.decode(denied("anthropic")[1].partition(b"\r\n\r\n")[2])
    assert (body["type"], body["error"]["type"]) == ("error", "permission_error")


def test_shape_of_gemini() -> None:
    """Google's clients find code and status."""
    error = msgspec.json.decode(denied("gemini")[1].partition(b"\r\n\r\n")[2])["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("wait", "after", "retry"), [(0.2, "1", None), (12.6, "13", None), (60, "60", None), (3600, "60", "false")]
)
def test_limited(wait: float, after: str, retry: str | None) -> None:
    """Limited is 429 with a wait of at most a minute; beyond that retrying is said to be useless."""
    stage = Stage()
    stage.steps.grant = Grant(granted=False, wait=wait, limit="team")
    fields = fields_of(stage.client(post()).taken)
    assert (fields["retry-after"], fields.get("x-should-retry"), fields["x-tos-decision"]) == (after, retry, "throttle")
    assert (stage.refusal.status, stage.refusal.error, stage.sent) == (429, "rate_limited", b"")


@pytest.mark.parametrize(("uncounted", "told"), [(False, "is used up"), (True, "cannot be counted just now")])
def test_limited_in_words(uncounted: bool, told: str) -> None:
    """A limit of which nobody knows what is left is not called used up."""
    stage = Stage()
    stage.steps.grant = Grant(granted=False, wait=1.0, limit="team", uncounted=uncounted)
    assert told in stage.client(post()).taken.decode()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 413, 415, 417, 426, 429, 431, 502, 503, 504])
def test_lengths_agree(status: int) -> None:
    """Every answer is framed by its length, in every dialect, and knows its reason phrase."""
    for name in ("openai", "anthropic", "gemini", "passthrough"):
        told = answer(by_name(name), Refused(status, "code", "ä\r\nX-Injected: 1"), None, close=True)
        head, _, body = told.partition(b"\r\n\r\n")
        assert fields_of(told)["content-length"] == str(len(body))
        assert b"Error\r\n" not in head.splitlines(keepends=True)[0]
        assert b"X-Injected" not in head
        assert fields_of(told)["connection"] == "close"


def test_head_only() -> None:
    """The answer to HEAD has the length and no body."""
    stage = Stage()
    client = stage.client(get(b"/nobody", *KEYED).replace(b"GET", b"HEAD"))
    assert client.taken.endswith(b"\r\n\r\n")
    assert int(fields_of(client.taken)["content-length"]) > 50


def test_connection_goes_on() -> None:
    """A refusal does not end the connection of a client whose request was read whole."""
    stage = Stage()
    client = stage.client(get(b"/nobody", *KEYED))
    client.feed(get(b"/nobody", *KEYED))
    assert client.taken.count(b"HTTP/1.1 404 ") == 2
    assert not client.closing


def test_upgrade() -> None:
    """An upgrade is 426, saying to what; never a 5xx."""
    stage = Stage()
    client = stage.client(get(b"/openai/v1/models", *KEYED, b"Connection: Upgrade", b"Upgrade: websocket"))
    fields = fields_of(client.taken)
    assert (status_of(client.taken), fields["upgrade"]) == (426, "HTTP/1.1")


@pytest.mark.parametrize("method", [b"TRACE", b"TRACK", b"CONNECT"])
def test_methods_not_carried(method: bytes) -> None:
    """What would echo credentials or open tunnels is 405, which says what is carried."""
    stage = Stage()
    told = stage.client(get(b"/openai/v1/models", *KEYED).replace(b"GET", method, 1)).taken
    assert status_of(told) == 405
    assert fields_of(told)["allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    assert not stage.sent


def test_not_a_request() -> None:
    """What is no request has no record to name."""
    fields = fields_of(not_a_request(431, "the head is too large"))
    assert "x-tos-record" not in fields
    assert (fields["connection"], fields["x-tos-source"], fields["x-tos-decision"]) == ("close", "proxy", "refuse")
