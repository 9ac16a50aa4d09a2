"""A rehearsal finds of a request what the corridor finds when it carries it."""

from __future__ import annotations

import msgspec
import pytest

from proxy.core.exchange import Caller
from proxy.gateway.refusal import Refused
from proxy.gateway.rehearsal import rehearse
from tests.unit.gateway.stage import CHAT, Stage, post

BATCH = b'{"requests":[{"custom_id":"a","params":{"model":"m-2","max_tokens":5,"messages":[{"role":"user","content":"x"}]}}]}'
REQUESTS = [
    post(),
    post(b"/openai/v1/responses", b'{"model":"m-1","input":"hello","top_logprobs":3}'),
    post(b"/anthropic/v1/messages/batches", BATCH),
    post(b"/openai/v1/nothing/known", b"\x00\x01"),
]


def same(caller: Caller) -> Caller:
    """Whoever the credential names."""
    return caller


@pytest.mark.parametrize("request_", REQUESTS, ids=["chat", "responses", "batch", "unknown"])
def test_the_same_as_the_corridor(request_: bytes) -> None:
    """Facts, endpoint, principal and the order in which the judges are asked are those of the corridor, but for the limits."""
    walked, rehearsed = Stage(), Stage()
    walked.client(request_)
    walked.ledger.let()
    walked.ledger.let()
    head, _, body = request_.partition(b"\r\n\r\n")
    exchange = rehearse(head + b"\r\n\r\n", body, rehearsed.house, rehearsed.clock, same)
    intent = walked.intent
    assert msgspec.to_builtins(exchange.facts) == msgspec.to_builtins(intent.facts)
    assert (exchange.call.endpoint, exchange.call.dialect, exchange.call.upstream) == (
        intent.endpoint,
        intent.dialect,
        intent.upstream,
    )
    assert (exchange.call.principal.name, exchange.call.purpose) == (intent.principal, intent.purpose)
    assert [asked for asked in walked.steps.asked if asked != "limit"] == rehearsed.steps.asked
    assert rehearsed.events == []


def test_who_is_taken_for_the_caller() -> None:
    """Somebody else may be taken for the caller."""
    stage = Stage()
    head, _, body = post().partition(b"\r\n\r\n")

    def other(caller: Caller) -> Caller:
        return Caller(caller.principal, caller.credential, "train.general")

    assert rehearse(head + b"\r\n\r\n", body, stage.house, stage.clock, other).call.purpose == "train.general"


def test_refusals_before_the_judges() -> None:
    """What the corridor refuses before anybody judges is refused here."""
    stage = Stage()
    head = post(b"/openai/v1/chat/completions", CHAT, b"Accept: */*").partition(b"\r\n\r\n")[0]
    with pytest.raises(Refused, match="A key is needed"):
        rehearse(head + b"\r\n\r\n", CHAT, stage.house, stage.clock, same)
    assert stage.steps.asked == []
