"""What of an exchange stands in its record, and what never does."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core.snapshot import UpstreamOptions
from proxy.ledger.record import Intent
from tests.unit.gateway.stage import CHAT, KEYED, Stage, post, whole

PATH = b"/openai/v1/chat/completions"
OUT = b'{"id":"c-1","model":"m-1-2026","choices":[{"message":{"content":"hello there"},"finish_reason":"stop"}]'
JSON = b"Content-Type: application/json"


def asked(body: bytes = CHAT, *fields: bytes) -> Intent:
    """The intent of a request."""
    stage = Stage()
    stage.client(post(PATH, body, *KEYED, JSON, *fields))
    return stage.intent


def test_intent() -> None:
    """Who, where, what and in which snapshot."""
    stage = Stage(upstreams={"openai": UpstreamOptions("openai", "openai", "http://api.test", contract="c@2026")})
    stage.client(post(PATH + b"?a=1", CHAT, *KEYED, JSON, b"User-Agent: sdk/1", b"X-Stainless-Retry-Count: 2"))
    intent = stage.intent
    assert (intent.upstream, intent.host, intent.dialect, intent.endpoint) == ("openai", "api.test:80", "openai", "chat")
    assert (intent.method, intent.target, intent.agent, intent.retry) == ("POST", "/v1/chat/completions?a=1", "sdk/1", 2)
    assert (intent.versions.snapshot, intent.versions.contract) == (7, "c@2026")
    assert (intent.model_requested, intent.facts.messages, intent.request_bytes) == ("m-1", 1, len(CHAT))
    assert (intent.at, intent.mono) == (stage.clock.us, stage.clock.us * 1000)


@pytest.mark.parametrize("count", [b"x", b"-1", b"99999", b"", b"1.5"])
def test_odd_retry_counts(count: bytes) -> None:
    """What is no small number is no retry."""
    assert asked(CHAT, b"X-Stainless-Retry-Count: " + count).retry == 0


def test_end_user_is_keyed() -> None:
    """The client's own name for its user is recorded keyed, the same each time, and nowhere in plain."""
    body = b'{"model":"m","user":"alice@example.com","messages":[]}'
    first, second = asked(body), asked(body)
    assert first.end_user == second.end_user
    assert len(first.end_user) == 32
    assert b"alice" not in msgspec.json.encode(first)


@pytest.mark.parametrize(("wish", "created"), [(b'"store":true,', ["completion:c-1"]), (b'"store":false,', []), (b"", [])])
def test_an_answer_that_is_to_be_kept_can_be_referred_to(wish: bytes, created: list[str]) -> None:
    """A chat completion does not say that it is kept; its request does."""
    stage = Stage()
    stage.client(post(PATH, b"{" + wish + CHAT[1:], *KEYED, JSON))
    stage.upstream.feed(whole(OUT + b"}", JSON))
    assert (stage.intent.facts.stored, stage.outcome.facts.created) == (bool(created), created)


def test_long_texts_are_cut() -> None:
    """A client's own words have a bound."""
    assert len(asked(CHAT, b"User-Agent: " + b"x" * 5000).agent) == 200


def test_no_secret_in_a_record() -> None:
    """No credential, whatever its slot, is in what is written."""
    stage = Stage()
    stage.client(post(PATH, CHAT, b"Authorization: Bearer sk-canary", b"Cookie: sk-canary", b"Proxy-Authorization: sk-canary"))
    stage.upstream.feed(whole(b"{}", b"Set-Cookie: sk-canary", b"x-request-id: r-1"))
    for what in ("intent", "outcome"):
        assert b"canary" not in b"".join(map(msgspec.json.encode, stage.entries(what)))


def test_same_request_twice() -> None:
    """What is alike is copied; what differs is not."""
    stage = Stage()
    client = stage.client(post(body=b'{"model":"one","user":"a","messages":[]}'))
    stage.upstream.feed(whole())
    stage.clock.us += 5
    client.feed(post(body=b'{"model":"two","messages":[{"role":"user","content":"x"}]}'))
    first, second = stage.entries("intent")
    assert (first.model_requested, second.model_requested) == ("one", "two")
    assert (first.facts.messages, second.facts.messages) == (0, 1)
    assert (bool(first.end_user), second.end_user) == (True, "")
    assert first.id != second.id
    assert second.at == first.at + 5


def test_outcome() -> None:
    """What the answer was, how long it took, how much of it came and went."""
    stage = Stage()
    stage.client(post())
    stage.clock.us += 250
    answer = OUT + b',"usage":{"prompt_tokens":3,"completion_tokens":4}}'
    stage.upstream.feed(whole(answer, JSON, b"x-request-id: r-1"))
    outcome = stage.outcome
    assert (outcome.status, outcome.model_returned, outcome.upstream_request_id) == (200, "m-1-2026", "r-1")
    assert (outcome.answer_bytes, outcome.delivered_bytes) == (len(answer), len(answer))
    assert (outcome.first_byte_us, outcome.duration_us) == (250, 250)
    assert outcome.facts.usage is not None
    assert (outcome.facts.usage.input, outcome.facts.usage.output, outcome.facts.usage.estimated) == (3, 4, False)


def test_usage_is_estimated() -> None:
    """Where the provider did not count we do, and say so."""
    stage = Stage()
    stage.client(post(body=b'{"model":"m","messages":[{"role":"user","content":"12345678"}]}'))
    stage.upstream.feed(whole(OUT + b"}", JSON))
    usage = stage.outcome.facts.usage
    assert usage is not None
    assert (usage.input, usage.output, usage.estimated) == (2, 2, True)


def test_errors_cost_nothing() -> None:
    """An error of the provider has no usage; it is an answer like any other."""
    stage = Stage()
    stage.client(post())
    stage.upstream.feed(whole(b'{"error":{"type":"rate_limit","message":"x"}}', JSON, status=b"429 Too Many Requests"))
    outcome = stage.outcome
    assert (outcome.outcome, outcome.status, outcome.facts.usage) == ("completed", 429, None)


def test_refusal() -> None:
    """A refusal says as much as had been found out."""
    stage = Stage()
    stage.client(post(body=b'{"a":1,"a":2}'))
    refusal = stage.refusal
    assert (refusal.outcome, refusal.status, refusal.upstream, refusal.endpoint) == ("refused", 400, "openai", "chat")
    assert refusal.principal.startswith("key:")


GIVEN = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
KEPT = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("parent", "kept"),
    [
        (GIVEN, KEPT),
        (GIVEN.replace(b"00-", b"cc-", 1) + b"-more", KEPT),
        (GIVEN.replace(b"00-", b"ff-", 1), ""),
        (GIVEN.upper(), ""),
        (b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01", ""),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01", ""),
        (b"alice@example.com", ""),
    ],
)
def test_of_a_traceparent_the_two_ids_are_kept(parent: bytes, kept: str) -> None:
    """Nothing else that stands there, and nothing for the next exchange of the same client."""
    stage = Stage()
    for fields, expected in (((b"Traceparent: " + parent,), kept), ((), "")):
        stage.client(post(PATH, CHAT, *KEYED, JSON, *fields))
        (*_, intent) = stage.entries("intent")
        assert isinstance(intent, Intent)
        assert intent.trace == expected
