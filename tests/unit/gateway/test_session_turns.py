"""The turns of a session, from its messages to entries."""

from __future__ import annotations

import json

import pytest

from proxy.core.decision import GRANTED, Decision, Grant, Transform
from proxy.wire.websocket import BINARY, CLOSE, POLICY_VIOLATION, frame
from tests.unit.gateway.talking import CREATE, Talk, asks, created, done, says


def test_a_turn_is_recorded_when_it_begins_and_when_it_has_ended() -> None:
    """With its facts, its usage, and its place in the bytes of both directions; the request's entry before its bytes leave."""
    talk = Talk()
    update = asks({"type": "session.update", "session": {"instructions": "Be brief.", "tools": [{}, {}]}})
    item = asks(
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "héllo"}]},
        }
    )
    create = asks(CREATE)
    talk.client.feed(update + item + create)
    events = talk.stage.events
    assert events.index("turn") < events.index("said")
    first = says({"type": "session.updated"})
    deltas = says({"type": "response.output_text.delta", "response_id": "resp_1", "delta": "hi "}) * 2
    talk.upstream.feed(first + created() + deltas + done())
    begun, ended = talk.turns
    assert (begun.id, begun.outcome, begun.number) == (ended.id, "", 1)
    assert ended.carrier == talk.stage.intent.id
    assert (ended.outcome, ended.model_requested, ended.principal) == ("completed", "gpt-realtime", talk.stage.intent.principal)
    assert (ended.facts.prompt_chars, ended.facts.system_chars, ended.facts.messages, ended.facts.tools) == (5, 9, 1, 2)
    assert ended.answer.usage is not None
    assert (ended.answer.usage.input, ended.answer.usage.output, ended.answer.usage.cached, ended.answer.text_chars) == (7, 5, 2, 6)
    assert (ended.asked_from, ended.asked_to) == (0, len(update + item + create))
    assert (ended.answered_from, ended.answered_to) == (len(first), len(first + created() + deltas + done()))


def test_gemini_closes_without_an_error_message() -> None:
    """The Live API has none; its paths and its turns are its own."""
    path = b"/gemini/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=AIza-1"
    talk = Talk(path, b"User-Agent: google-genai")
    assert talk.stage.intent.target.endswith("?key=REDACTED")
    talk.client.feed(
        asks({"setup": {"model": "models/gemini-live"}})
        + asks({"client_content": {"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turn_complete": True}})
    )
    answer = {"serverContent": {"modelTurn": {"parts": [{"text": "hello"}]}}}
    talk.upstream.feed(frame(BINARY, json.dumps(answer).encode()))
    talk.upstream.feed(
        frame(BINARY, b'{"serverContent":{"turnComplete":true},"usageMetadata":{"promptTokenCount":3,"responseTokenCount":4}}')
    )
    ended = talk.turns[-1]
    assert (ended.model_requested, ended.outcome, ended.answer.text_chars) == ("gemini-live", "completed", 5)
    talk.stage.corridor.drain()
    assert [opcode for opcode, _ in talk.told()] == [BINARY, BINARY, CLOSE]


@pytest.mark.parametrize(
    ("decision", "grant", "told", "disclosure"),
    [
        (Decision("deny", ("p/r",), ("c.9",), "Not for this (rule p/r; clause c.9)"), GRANTED, "rule p/r; clause c.9", "full"),
        (Decision("deny", ("p/r",), (), "Not for this (rule p/r)"), GRANTED, "the reference is rec_", "reference"),
        (Decision("throttle", ("p/t",)), Grant(granted=False, wait=9, limit="p/t"), "p/t", "full"),
        (Decision("allow", ("p/x",), transforms=(Transform("p/x", ("a",)),)), GRANTED, "cannot change a turn", "full"),
    ],
)
def test_a_turn_that_may_not_be_made_ends_its_session(decision: Decision, grant: Grant, told: str, disclosure: str) -> None:
    """What would begin it is recorded and does not leave; the client gets the provider's error and a close frame of 1008."""
    talk = Talk(disclosure=disclosure)
    talk.client.feed(asks({"type": "session.update", "session": {"instructions": "short"}}))
    before = bytes(talk.upstream.taken)
    talk.stage.steps.decision, talk.stage.steps.grant = decision, grant
    talk.client.feed(asks(CREATE))
    assert bytes(talk.upstream.taken) == before
    (_, error), (opcode, parting) = talk.told()
    assert told in json.loads(error)["error"]["message"]
    assert (opcode, int.from_bytes(parting[:2], "big")) == (CLOSE, POLICY_VIOLATION)
    begun, ended = talk.turns
    effect = "deny" if decision.transforms else decision.effect
    assert {(turn.decision, turn.rules, turn.clauses) for turn in (begun, ended)} == {(effect, decision.rules, decision.clauses)}
    assert (begun.outcome, ended.outcome) == ("", "cut")
    said = b"".join(piece for what, piece in talk.stage.journal if what == "said")
    assert said.endswith(asks(CREATE)), "what was denied is recorded too"
    assert talk.stage.outcome.outcome == "cut"
    talk.stage.check_figures()


def test_a_turn_that_the_server_begins_is_judged_when_it_begins() -> None:
    """It hears that somebody has stopped speaking; nobody could know sooner."""
    talk = Talk()
    talk.stage.steps.decision = Decision("deny", ("p/r",), (), "no (rule p/r)")
    talk.upstream.feed(created())
    assert talk.told()[-1][1][:2] == POLICY_VIOLATION.to_bytes(2, "big")
    assert talk.turns[0].decision == "deny"


def test_what_a_turn_used_is_settled() -> None:
    """By the usage that the provider tells when it has ended."""
    talk = Talk()
    talk.stage.steps.grant = grant = Grant(held=object())
    talk.client.feed(asks(CREATE))
    talk.upstream.feed(created() + done())
    (settled, usage) = talk.stage.steps.settled[-1]
    assert settled is grant
    assert usage is not None
    assert (usage.input, usage.output) == (7, 5)
