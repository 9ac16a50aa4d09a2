"""Long lines are read by another process, to the same effect."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.core.oneshot import Oneshot, drive
from proxy.dialects import by_name, jsonio
from proxy.dialects.carried import BATCH_LINE, TRAINING_LINE, LineMeaning, Meaning
from proxy.dialects.lines import WHOLE
from proxy.dialects.whole import WholeReader
from proxy.gateway.corridor import SHORT
from proxy.gateway.long_lines import BODY, DEAR, InThread, LongLines
from proxy.ledger.record import Line
from tests.unit.gateway.stage import Stage, aside, post, status_of, whole
from tests.unit.gateway.test_carrier import FILES, FORM, call, come, upload

BATCH = LineMeaning(by_name("openai"), BATCH_LINE, "", None)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[LongLines]:
    """A reader with its process."""
    reader = LongLines(aside, ready_seconds=0)
    yield reader
    reader.close()


def outcome(oneshot: Oneshot[Meaning]) -> Any:
    """What was read, or why it is refused."""
    found: list[Any] = []

    async def wait() -> None:
        found.append(await oneshot)

    def refused(error: BaseException) -> None:
        assert isinstance(error, jsonio.StrictJSONError)
        found.append((error.status, error.code, error.message))

    drive(wait(), refused)
    return found[0]


@pytest.mark.parametrize(
    "kind",
    [
        BATCH,
        LineMeaning(by_name("openai"), TRAINING_LINE, "", None),
        LineMeaning(by_name("openai"), "", "", None),
        LineMeaning(by_name("anthropic"), BATCH_LINE, "/v1/messages", None),
        LineMeaning(by_name("gemini"), BATCH_LINE, "/v1beta/models/{model}:generateContent", "gemini-x"),
    ],
)
def test_another_process_reads_what_this_one_would(kind: LineMeaning, elsewhere: LongLines) -> None:
    """Calls of every form, what is no call, no JSON or has two readings: the same meaning, or the same refusal."""
    turns = [{"role": "user", "content": "héllo"}]
    lines = [
        call(1),
        json.dumps({"key": "k", "request": {"contents": [{"role": "user", "parts": [{"text": "x"}]}]}}).encode(),
        json.dumps({"custom_id": "c", "params": {"model": "m", "messages": turns}}).encode(),
        json.dumps({"custom_id": "c", "body": {"model": "m", "messages": turns, "temperature": 0.5}}).encode(),
        json.dumps({"messages": turns}).encode(),
        b'{"url":"/v1/secret","body":{}}',
        b"nonsense",
        b'[1,"\\ud800"]',
        b'{"a":1,"a":2}',
        b'{"a":\xff}',
        b'{"url":"/v1/chat/completions","body":{"model":"m","seed":123456789012345678901,"messages":[]}}',
    ]
    here = InThread(aside)
    for line in lines:
        parts = [line[:7], line[7:]]
        assert outcome(elsewhere.read(kind, parts)) == outcome(here.read(kind, parts)), line


def test_a_process_that_dies_is_replaced_once() -> None:
    """And a line that no process can read is recorded unread, never refused and never read here."""
    reader = LongLines(aside)
    try:
        assert outcome(reader.read(BATCH, [call(1)])).custom_id == "c1"
        assert reader._process is not None
        reader._process.kill()
        reader._process.wait()
        assert outcome(reader.read(BATCH, [call(2)])).custom_id == "c2"
        assert reader.started == 2
    finally:
        reader.close()
    broken = LongLines(aside, command=(sys.executable, "-c", "pass"))
    assert outcome(broken.read(BATCH, [call(1)])).facts.flags == ["reading_failed"]
    assert broken.started == 2


def largest_read(monkeypatch: pytest.MonkeyPatch, stage: Stage, request: bytes) -> int:
    """The longest JSON that the gateway's own process parses while a request passes."""
    sizes = [0]
    inspect = jsonio.inspect_json

    def spied(raw: bytes, *charset: Any) -> jsonio.Inspected:
        sizes.append(len(raw))
        return inspect(raw, *charset)

    for module in ("dialects.carried", "gateway.inspecting", "gateway.receive"):
        monkeypatch.setattr(f"proxy.{module}.inspect_json", spied)
    client = come(stage, request)
    stage.upstream.feed(whole())
    assert status_of(client.taken) == 200
    return max(sizes)


@pytest.mark.parametrize("planted", [False, True])
def test_no_long_line_is_parsed_by_the_gateway_itself(monkeypatch: pytest.MonkeyPatch, elsewhere: LongLines, planted: bool) -> None:
    """Whatever its length, a line holds the loop no longer than one of 64 KiB does; read in a thread, as once, it would."""
    stage = Stage()
    if not planted:
        stage.corridor._carriers.reader = elsewhere
    size = 15 * 1024 * 1024
    file = upload(b"\n".join([call(0), call(1, text="x" * size), call(2)]))
    assert (largest_read(monkeypatch, stage, post(FILES, file, *FORM)) > WHOLE) is planted
    assert [line.facts.prompt_chars for line in stage.entries("line") if isinstance(line, Line)] == [5, size, 5]
    stage.check_figures()


@pytest.mark.parametrize("planted", [False, True])
def test_no_long_body_is_parsed_by_the_gateway_itself(monkeypatch: pytest.MonkeyPatch, elsewhere: LongLines, planted: bool) -> None:
    """The facts are those that it would have found itself."""
    stage = Stage()
    if not planted:
        stage.corridor._carriers.reader = elsewhere
    body = {"model": "m-1", "messages": [{"role": "user", "content": "é" * BODY}], "unheard_of": 1 << 70}
    request = post(body=json.dumps(body).encode())
    assert (largest_read(monkeypatch, stage, request) > BODY) is planted
    facts = stage.intent.facts
    assert (facts.model, facts.prompt_chars, facts.flags, facts.inspection) == ("m-1", BODY, ["integer_beyond_int64"], "full")
    stage.check_figures()


def test_a_body_of_many_values_is_read_elsewhere_from_the_second_on() -> None:
    """The first does not wait for a process to start; one long text takes no time to parse, and needs none."""
    reader = LongLines(aside, ready_seconds=0)
    turns = [{"role": "user", "content": "hello there"}] * (SHORT // 40)
    dear = json.dumps({"model": "m-1", "messages": turns}).encode()
    plain = json.dumps({"model": "m-1", "messages": [{"role": "user", "content": "x" * len(dear)}]}).encode()
    assert SHORT < len(plain) < BODY
    told = []
    for body, started in ((plain, 0), (dear, 1), (dear, 1)):
        stage = Stage()
        stage.corridor._carriers.reader = reader
        with pytest.MonkeyPatch.context() as patch:
            read_here = largest_read(patch, stage, post(body=body)) > SHORT
        told.append((read_here, stage.intent.facts.messages, stage.intent.facts.inspection))
        assert reader.started == started
    reader.close()
    assert told == [(True, 1, "full"), (True, len(turns), "full"), (False, len(turns), "full")]


ANSWER = {"id": "c", "model": "m-9", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "x"}}]}


@pytest.mark.parametrize("padding", ["y" * BODY, ["z"] * DEAR])
def test_a_long_answer_is_read_elsewhere(elsewhere: LongLines, padding: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same facts, and what no process can read is unread."""
    found = []
    answer = json.dumps({**ANSWER, "padding": padding, "more": [[{}]] * (BODY // 4)}).encode()
    for reader in (elsewhere, LongLines(aside, command=(sys.executable, "-c", "pass"))):
        stage = Stage()
        stage.corridor._carriers.reader = reader
        stage.client(post())
        with monkeypatch.context() as patch:
            patch.setattr(WholeReader, "facts", None)
            stage.upstream.feed(whole(answer, b"Content-Type: application/json"))
        found.append(stage.outcome.facts)
    assert (found[0].model, found[0].finish, found[0].text_chars, found[0].unread) == ("m-9", "stop", 1, False)
    assert (found[1].model, found[1].unread) == (None, True)


def test_a_long_body_that_is_refused_elsewhere_is_refused(elsewhere: LongLines) -> None:
    """As a short one is; one that no process can read is forwarded, and said to be unread."""
    stage = Stage()
    stage.corridor._carriers.reader = elsewhere
    padding = b'"x":"' + b"x" * BODY + b'"'
    client = come(stage, post(body=b'{"a":1,"a":2,' + padding + b"}"))
    assert (status_of(client.taken), stage.refusal.error) == (400, "json_duplicate_key")
    assert not stage.sent
    stage = Stage()
    stage.corridor._carriers.reader = LongLines(aside, command=(sys.executable, "-c", "pass"))
    come(stage, post(body=b"{" + padding + b"}"))
    assert (stage.intent.facts.inspection, stage.intent.facts.flags) == ("none", ["reading_failed"])


@pytest.mark.parametrize("form", ["duplicate", "deep"])
def test_what_another_process_refuses_is_refused(form: str, elsewhere: LongLines) -> None:
    """With the number of the line, as for a short one."""
    stage = Stage()
    stage.corridor._carriers.reader = elsewhere
    padding = b'"x":"' + b"x" * WHOLE + b'"'
    bad = b'{"a":1,"a":2,' + padding + b"}" if form == "duplicate" else b'{"a":' + b"[" * 70 + b"]" * 70 + b"," + padding + b"}"
    client = come(stage, post(FILES, upload(call(0) + b"\n" + bad), *FORM))
    assert status_of(client.taken) == 400
    assert b"Line 1: " in client.taken
    assert not stage.sent
