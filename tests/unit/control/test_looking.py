"""What the detector is shown of a record: in every form, the same as of the same traffic recorded elsewhere."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest

from proxy.control.looking import MOST_REQUEST, Look, look, seen_of
from proxy.control.observing import Asked, observations
from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.detection.records import Observation
from proxy.dialects import by_name, find
from proxy.ledger.record import Content, encode
from proxy.ledger.store_analysis import Ending, Opened
from tests.ledgers import Writer

CHAT = {"model": "gpt-5", "n": 1, "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]}
LINES = [
    {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": {**CHAT, "temperature": number / 10}}
    for number in range(5)
]


def looked(target: str, request: bytes, answer: bytes, *, dialect: str = "openai", chars: int = 0, **changes: Any) -> Look:
    """The ending of one exchange, decoded."""
    writer = Writer()
    _, row, path = find(by_name(dialect), "POST", target.removeprefix(f"/{changes.get('upstream', 'openai')}").partition("?")[0])
    facts = changes.pop("facts", None) or row.read_request(json.loads(request) if row.json_body else None, path)
    fields = {"target": target, "facts": facts, "endpoint": row.name, "dialect": dialect, **changes}
    intent = writer.intent(writer.new_id(), request, **fields)
    usage = AnswerFacts(usage=Usage(input=30, output=40), text_chars=chars)
    outcome = writer.outcome(intent, answer, facts=usage)
    found = look(Ending(2, intent.id, "outcome", 200, encode(intent), encode(outcome)))
    assert found is not None
    return found


def plain(seen: Observation) -> dict[str, Any]:
    """All that an observation says, but for the record's name and the facts, which hold what is equal by other ways."""
    fields = msgspec.structs.asdict(seen)
    return {name: value for name, value in fields.items() if name not in {"record", "facts", "at", "tenant", "purpose", "agent"}}


def stream(*pieces: str) -> bytes:
    """A streamed answer of OpenAI's."""
    events = [json.dumps({"choices": [{"index": 0, "delta": {"content": piece}}]}) for piece in pieces]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


WHOLE = json.dumps({"choices": [{"index": 0, "message": {"content": "Because of tides."}}]}).encode()


@pytest.mark.parametrize("answer", [WHOLE, stream("Because ", "of tides."), gzip.compress(WHOLE)], ids=["json", "stream", "gzip"])
def test_a_call(answer: bytes) -> None:
    """However its answer came: as `detect` sees it."""
    found = looked("/openai/v1/chat/completions?x=1", json.dumps(CHAT).encode(), answer, chars=17)
    (seen,) = seen_of(found, Opened(json.dumps(CHAT).encode(), answer))
    asked = Asked("chat", 0.0, "POST", "/v1/chat/completions", CHAT, 200, "Because of tides.", 30, 40)
    (wanted,) = observations(asked)
    assert plain(seen) == plain(wanted)
    assert (seen.prompt, seen.system, seen.answer, seen.record) == ("Why?", "Be brief.", "Because of tides.", found.query.id)


def test_a_call_of_another_dialect() -> None:
    """The path behind the upstream's name leads to the row."""
    body = {"model": "claude-sonnet-5", "max_tokens": 90, "system": "Be brief.", "messages": [{"role": "user", "content": "Why?"}]}
    answer = json.dumps({"content": [{"type": "text", "text": "So."}]}).encode()
    found = looked("/anthropic/v1/messages", json.dumps(body).encode(), answer, dialect="anthropic", chars=3, upstream="anthropic")
    (seen,) = seen_of(found, Opened(json.dumps(body).encode(), answer))
    assert (seen.prompt, seen.system, seen.answer, seen.endpoint) == ("Why?", "Be brief.", "So.", "messages")


def form(text: str) -> bytes:
    """An upload as SDKs send it."""
    parts = ['name="purpose"\r\n\r\nbatch', f'name="file"; filename="a.jsonl"\r\nContent-Type: text/plain\r\n\r\n{text}']
    return "".join(f"--b0\r\nContent-Disposition: form-data; {part}\r\n" for part in parts).encode() + b"--b0--\r\n"


def test_a_batch_file() -> None:
    """Each line is a prompt, as `detect` reads the same file; lines beyond what is opened are counted."""
    text = "".join(json.dumps(line) + "\n" for line in LINES)
    facts = RequestFacts(lines=12, file_purpose="batch")
    found = looked("/openai/v1/files", form(text), b"{}", facts=facts)
    *lines, rest = seen_of(found, Opened(form(text), b"{}"))
    wanted = list(observations(Asked("chat", 0.0, "POST", "/v1/files", {"purpose": "batch", "file": text})))
    assert [plain(each) for each in lines] == [plain(each) for each in wanted]
    assert len(lines) == 5
    assert (rest.weight, rest.carried, rest.prompt) == (7, True, "")


def test_an_inline_batch() -> None:
    """The entries of a message batch are prompts."""
    params = {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Why?"}]}
    body = json.dumps({"requests": [{"custom_id": str(number), "params": params} for number in range(3)]}).encode()
    facts = RequestFacts(lines=3)
    found = looked("/anthropic/v1/messages/batches", body, b"{}", dialect="anthropic", upstream="anthropic", facts=facts)
    assert [each.prompt for each in seen_of(found, Opened(body, b"{}"))] == ["Why?"] * 3


@pytest.mark.parametrize("why", ["digests", "erased", "large", "no json"])
def test_what_cannot_be_opened_is_facts(why: str) -> None:
    """One observation that says nothing of text, and is no repetition of another."""
    request = json.dumps(CHAT).encode()
    changes: dict[str, Any] = {"content": Content("digests", "k1")} if why == "digests" else {}
    if why == "large":
        changes["request_bytes"] = MOST_REQUEST + 1
    found = looked("/openai/v1/chat/completions", request, WHOLE, chars=17, **changes)
    opened = {"digests": None, "erased": Opened(), "large": Opened(request, WHOLE), "no json": Opened(b"\xff{", WHOLE)}[why]
    (seen,) = seen_of(found, opened)
    again = looked("/openai/v1/chat/completions", request, WHOLE, chars=17, **changes)
    (other,) = seen_of(again, opened)
    assert (seen.prompt, seen.system, seen.answer, seen.answer_chars, seen.output_tokens) == ("", "", "", 17, 40)
    assert seen.identity != other.identity
    assert (found.opens == 0) is (why == "digests")


def test_what_asks_no_model_is_not_shown() -> None:
    """Lists, downloads and uploads that carry no query."""
    found = looked("/openai/v1/files", form("plain text"), b"{}", facts=RequestFacts())
    assert list(seen_of(found, Opened(form("plain text"), b"{}"))) == []


def test_a_later_version_is_passed_over() -> None:
    """What cannot be decoded is left to whoever knows it."""
    assert look(Ending(1, "r", "outcome", 200, b'{"v":9}', b"{}")) is None


def test_a_turn_of_a_session_is_a_prompt() -> None:
    """Once it has ended, by its facts; its beginning is passed over."""
    writer = Writer()
    writer.turn("rec_carrier", 1)
    writer.turn("rec_carrier", 1, answer=AnswerFacts(usage=Usage(input=3, output=90), text_chars=400), outcome="completed")
    begun, ended = (look(Ending(frame.seq, "t", "turn", 0, frame.evidence, frame.evidence)) for frame in writer.frames)
    assert begun is None
    assert ended is not None
    (seen,) = seen_of(ended, None)
    assert (seen.teaches, seen.answer_chars, seen.output_tokens, seen.prompt) == (True, 400, 90, "")
