"""Requests that rules change on their way, and those that cannot be changed."""

from __future__ import annotations

import gzip

import msgspec
import pytest

from proxy.core.decision import Decision, Transform
from tests.unit.gateway.stage import CHAT, KEYED, Stage, get, post, status_of, told_error, whole
from tests.unit.gateway.talking import opening

DROP = Decision("allow", ("p/no-logprobs",), transforms=(Transform("p/no-logprobs", ("logprobs", "top_logprobs")),))
DISTILL = Decision(
    "flag", ("p/distillable",), transforms=(Transform("p/distillable", (), {"provider.enforce_distillable_text": "true"}),)
)
JSON = (*KEYED, b"Content-Type: application/json")
LOGPROBS = b'{"model":"m-1","seed":12345678901234567890123,"logprobs":true, "top_logprobs":3,"messages":[]}'


def changing(decision: Decision) -> Stage:
    """A gateway whose rules ask for a change."""
    stage = Stage()
    stage.steps.decision = decision
    return stage


def body_of(sent: bytes) -> bytes:
    """What went upstream, whose length must be what its head says."""
    head, _, body = sent.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n"
    return body


def test_what_is_dropped_is_not_sent_and_both_are_recorded() -> None:
    """All else goes upstream byte for byte; the record has what was received and what was sent."""
    stage = changing(DROP)
    client = stage.client(post(b"/openai/v1/chat/completions", LOGPROBS))
    assert body_of(stage.sent) == b'{"model":"m-1","seed":12345678901234567890123,"messages":[]}'
    assert (stage.ledger.streams[0].body, stage.ledger.streams[0].sent) == (LOGPROBS, body_of(stage.sent))
    assert (stage.intent.decision, stage.intent.rules, stage.intent.facts.logprobs) == ("allow", ("p/no-logprobs",), True)
    stage.upstream.feed(whole())
    assert status_of(client.taken) == 200
    stage.check_figures()


def test_a_change_that_changes_nothing_is_none() -> None:
    """What is not there need not be dropped, whatever the body is that a rule reaches."""
    stage = changing(DROP)
    stage.client(post())
    assert body_of(stage.sent) == CHAT
    assert stage.ledger.streams[0].sent is None


def test_a_flag_of_an_aggregator_is_set() -> None:
    """An inner member, with the object around it."""
    stage = changing(DISTILL)
    stage.client(post(b"/openai/v1/chat/completions", CHAT))
    assert msgspec.json.decode(body_of(stage.sent))["provider"] == {"enforce_distillable_text": True}
    assert body_of(stage.sent).startswith(CHAT[:-1])


@pytest.mark.parametrize("size", [70_000, 700_000])
def test_a_spooled_body_is_changed_too(size: int) -> None:
    """It is in memory to be read, short or in a thread of its own."""
    stage = changing(DROP)
    body = LOGPROBS.replace(b'"m-1"', b'"' + b"x" * size + b'"')
    request = post(b"/openai/v1/chat/completions", body)
    client = stage.client()
    for at in range(0, len(request), 50_000):
        client.feed(request[at : at + 50_000])
    assert len(body_of(stage.sent)) == len(body) - len(b'"logprobs":true, "top_logprobs":3,')
    assert stage.ledger.streams[0].body == b""


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (post(b"/openai/v1/chat/completions", gzip.compress(LOGPROBS), *JSON, b"Content-Encoding: gzip"), "encoded"),
        (
            post(b"/openai/v1/audio/transcriptions", b"--b--\r\n", *KEYED, b"Content-Type: multipart/form-data; boundary=b"),
            "not read",
        ),
        (post(b"/openai/v1/nobody/knows", b"{}"), "not read"),
        (post(b"/openai/v1/chat/completions", LOGPROBS, *JSON, b"Content-Digest: sha-256=:x:"), "digest"),
        (post(b"/openai/v1/chat/completions", b"{nonsense"), "could not be read"),
        (post(b"/openai/v1/chat/completions", b'{"model":"m","provider":1}'), "no object"),
        (opening(), "session"),
    ],
)
def test_what_cannot_be_changed_is_denied(request_: bytes, why: str) -> None:
    """With the rule's name, and as what it is in the record; nothing goes upstream."""
    stage = changing(DISTILL)
    client = stage.client(request_)
    assert status_of(client.taken) == 403
    message = told_error(client.taken)["message"]
    assert why in message
    assert "p/distillable" in message
    assert (stage.refusal.decision, stage.refusal.rules, stage.sent) == ("deny", ("p/distillable",), b"")
    stage.check_figures()


def test_a_request_without_a_body_has_nothing_to_change() -> None:
    """A list of models passes."""
    stage = changing(DISTILL)
    stage.client(get(b"/openai/v1/models"))
    assert stage.sent.startswith(b"GET ")
