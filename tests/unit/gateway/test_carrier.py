"""Bodies that carry many queries, through the whole gateway in memory."""

from __future__ import annotations

import gzip
import json
import random
from typing import Any

import pytest

from proxy.core.decision import ALLOWED, Decision
from proxy.core.exchange import Exchange
from proxy.core.oneshot import Oneshot
from proxy.ledger.record import Line
from tests.unit.gateway.stage import KEYED, FakeSteps, Stage, post, status_of, told_error, whole
from tests.unit.wire.faked import FakeTransport

FILES = b"/openai/v1/files"
FORM = (*KEYED, b"Content-Type: multipart/form-data; boundary=b")
BATCHES = b"/anthropic/v1/messages/batches"


def call(number: int, model: str = "m-1", text: str = "hello", **more: Any) -> bytes:
    """A line of a batch file."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], "user": "u", **more}
    line = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(line).encode()


def upload(content: bytes, purpose: bytes = b"batch", *, file_first: bool = False) -> bytes:
    """A form as SDKs write it."""
    field = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n%b\r\n' % purpose
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n%b\r\n' % content
    return (file + field if file_first else field + file) + b"--b--\r\n"


class Choosy(FakeSteps):
    """Denies what asks for the model `forbidden`."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []

    def policy(self, exchange: Exchange) -> Decision:
        """By the model alone."""
        self.seen.append((exchange.route.endpoint.name, exchange.facts.model or ""))
        self.decision = (
            Decision("deny", ("no-such",), ("c.1",), "no (rule no-such)") if exchange.facts.model == "forbidden" else ALLOWED
        )
        return self.decision


def come(stage: Stage, request: bytes) -> FakeTransport:
    """A client whose request comes in parts, as from a network: a long one is spooled."""
    client = stage.client()
    for at in range(0, len(request), 50_000):
        client.feed(request[at : at + 50_000])
    return client


def lines_of(stage: Stage) -> list[Line]:
    """The lines that became durable."""
    found = stage.entries("line")
    assert all(isinstance(each, Line) for each in found)
    return found


@pytest.mark.parametrize("file_first", [False, True])
@pytest.mark.parametrize("padding", [0, 300_000])
def test_every_line_of_a_batch_file_is_an_entry_before_its_carrier(padding: int, file_first: bool) -> None:
    """Small or spooled, whether the purpose stands before the file or behind it; and what goes upstream is what came."""
    stage = Stage()
    content = b"\n".join([call(0), call(1, "m-2", "x" * padding), call(2, "m-1", "later")]) + b"\n"
    body = upload(content, file_first=file_first)
    client = come(stage, post(FILES, body, *FORM))
    lines = lines_of(stage)
    assert bool(stage.ledger.streams[0].pieces) is bool(padding)
    assert stage.events.index("intent") > max(at for at, word in enumerate(stage.events) if word == "line")
    assert [line.number for line in lines] == [0, 1, 2]
    assert [body[line.offset : line.offset + line.length] for line in lines] == content.split()[:0] + content.split(b"\n")[:3]
    assert {(line.carrier, line.endpoint, line.target) for line in lines} == {
        (stage.intent.id, "batch_line", "/v1/chat/completions")
    }
    assert [line.facts.prompt_chars for line in lines] == [5, padding or 5 if padding else 0, 5]
    assert len({line.custom_id for line in lines}) == 3
    assert "c0" not in {line.custom_id for line in lines}
    facts = stage.intent.facts
    assert (facts.lines, facts.prompts, facts.models, facts.inspection) == (3, 3, ["m-1", "m-2"], "full")
    assert stage.sent.endswith(body)
    stage.upstream.feed(whole())
    assert status_of(client.taken) == 200
    stage.check_figures()


def test_the_strictest_line_decides_about_its_carrier() -> None:
    """One line that is denied is enough; all are recorded with their own decision, and nothing goes upstream."""
    stage = Stage()
    stage.house.judges = steps = Choosy()
    client = stage.client(post(FILES, upload(b"\n".join([call(0), call(1, "forbidden"), call(2)])), *FORM))
    assert [line.decision for line in lines_of(stage)] == ["allow", "deny", "allow"]
    assert [line.rules for line in lines_of(stage)] == [(), ("no-such",), ()]
    assert (stage.refusal.decision, stage.refusal.rules, stage.refusal.facts.lines) == ("deny", ("no-such",), 3)
    assert status_of(client.taken) == 403
    assert told_error(client.taken)["message"].startswith("no (rule no-such) Line 1, counted from 0.")
    assert not stage.sent
    assert steps.seen[:3] == [("batch_line", "m-1"), ("batch_line", "forbidden"), ("batch_line", "m-1")]
    stage.check_figures()


def test_a_line_with_two_readings_is_refused_as_a_direct_call_is() -> None:
    """And the client is told which."""
    stage = Stage()
    client = stage.client(post(FILES, upload(call(0) + b'\n{"a":1,"a":2}\n'), *FORM))
    assert status_of(client.taken) == 400
    assert told_error(client.taken)["message"].startswith("Line 1: ")
    assert stage.refusal.error == "json_duplicate_key"
    assert not stage.sent
    stage.check_figures()


def test_lines_that_cannot_be_read_are_entries_all_the_same() -> None:
    """The provider will say what it thinks of them."""
    stage = Stage()
    stage.client(post(FILES, upload(b'nonsense\n{"url":"/v1/secret?key=sk","body":{}}\n' + call(2)), *FORM))
    assert [(line.facts.inspection, line.facts.flags) for line in lines_of(stage)] == [
        ("none", ["not_json"]),
        ("none", ["unknown_line"]),
        ("full", []),
    ]
    assert (stage.intent.facts.inspection, stage.intent.facts.flags) == ("partial", ["lines_unread"])
    assert all("sk" not in line.target for line in lines_of(stage))


def test_a_file_for_another_purpose_has_no_lines() -> None:
    """Even if it looks like it."""
    stage = Stage()
    stage.client(post(FILES, upload(call(0), b"vision"), *FORM))
    assert not lines_of(stage)
    assert stage.intent.facts.lines == 0


def test_training_files_are_read_as_conversations() -> None:
    """Each line by its own name."""
    stage = Stage()
    turns = [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "world"}]
    stage.client(post(FILES, upload(json.dumps({"messages": turns}).encode(), b"fine-tune"), *FORM))
    (line,) = lines_of(stage)
    assert (line.endpoint, line.facts.messages, line.target) == ("training_line", 2, "")


@pytest.mark.parametrize("padding", [0, 200_000])
def test_entries_of_a_message_batch_are_lines(padding: int) -> None:
    """The body is never read whole; what stands around the array is the carrier's own."""
    stage = Stage()
    entries = [
        {"custom_id": f"c{at}", "params": {"model": "m", "messages": [{"role": "user", "content": "x" * padding + "y"}]}}
        for at in range(2)
    ]
    body = json.dumps({"requests": entries}).encode()
    come(stage, post(BATCHES, body, b"x-api-key: sk-client", b"Content-Type: application/json"))
    lines = lines_of(stage)
    assert [json.loads(body[line.offset : line.offset + line.length]) for line in lines] == entries
    assert [(line.target, line.facts.prompt_chars) for line in lines] == [("/v1/messages", padding + 1)] * 2
    assert (stage.intent.facts.lines, stage.intent.facts.model) == (2, "m")
    assert stage.sent.endswith(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"requests":[],"requests":[]}', "json_duplicate_key"),
        (b'{"requests":[{"a":1,"a":2}]}', "json_duplicate_key"),
        (b'{"x":NaN,"requests":[]}', "json_not_a_number"),
    ],
)
def test_a_batch_with_two_readings_is_refused(body: bytes, code: str) -> None:
    """In an entry, around them, or because there are two arrays of them."""
    stage = Stage()
    client = stage.client(post(BATCHES, body, b"x-api-key: sk-client", b"Content-Type: application/json"))
    assert (status_of(client.taken), stage.refusal.error) == (400, code)
    assert not stage.sent


def test_lines_that_the_ledger_does_not_take_stop_their_carrier() -> None:
    """503, and nothing was sent."""
    stage = Stage()
    stage.ledger.fails.add("line")
    client = stage.client(post(FILES, upload(call(0)), *FORM))
    assert status_of(client.taken) == 503
    assert not stage.sent
    stage.check_figures()


@pytest.mark.parametrize("padding", [0, 300_000])
def test_a_coding_hides_no_line(padding: int) -> None:
    """Lines of an encoded file are read like others, their places those in the decoded body; what goes upstream is what came."""
    plain = upload(b"\n".join([call(0), call(1, text=random.Random(1).randbytes(padding).hex())]))
    raw = gzip.compress(plain, 1)
    stage = Stage()
    come(stage, post(FILES, raw, *FORM, b"Content-Encoding: gzip"))
    assert [json.loads(plain[line.offset : line.offset + line.length])["custom_id"] for line in lines_of(stage)] == ["c0", "c1"]
    assert (stage.intent.facts.lines, stage.intent.facts.inspection, stage.intent.facts.flags) == (2, "full", ["encoded_lines"])
    assert stage.sent.endswith(raw)


def test_strict_inside_a_coding() -> None:
    """Two readings are two readings."""
    stage = Stage()
    raw = gzip.compress(b'{"requests":[{"a":1,"a":2}]}')
    head = (b"x-api-key: sk-client", b"Content-Type: application/json", b"Content-Encoding: gzip")
    assert status_of(stage.client(post(BATCHES, raw, *head)).taken) == 400
    assert not stage.sent


@pytest.mark.parametrize("raw", [b"not gzip", gzip.compress(b'{"requests":[]}', mtime=0)[:-9]], ids=["other", "cut"])
def test_what_cannot_be_decoded_is_said_to_be_unread(raw: bytes) -> None:
    """It travels, and a policy can name it."""
    stage = Stage()
    head = (b"x-api-key: sk-client", b"Content-Type: application/json", b"Content-Encoding: gzip")
    stage.client(post(BATCHES, raw, *head))
    assert stage.intent.facts.inspection == "none"
    assert "encoded_body_unread" in stage.intent.facts.flags
    assert stage.sent.endswith(raw)


def test_entries_of_a_gemini_batch_are_lines() -> None:
    """They stand deep in the body, and the path names the model."""
    stage = Stage()
    entry = {"request": {"contents": [{"parts": [{"text": "hello"}]}]}, "metadata": {"key": "k"}}
    body = json.dumps({"batch": {"display_name": "b", "input_config": {"requests": {"requests": [entry, entry]}}}}).encode()
    head = (b"x-goog-api-key: k", b"Content-Type: application/json")
    stage.client(post(b"/gemini/v1beta/models/gemini-2:batchGenerateContent", body, *head))
    assert [(line.model_requested, line.facts.prompt_chars, line.target) for line in lines_of(stage)] == [
        ("gemini-2", 5, "/v1beta/models/gemini-2:generateContent")
    ] * 2
    assert stage.intent.facts.lines == 2


@pytest.mark.parametrize(
    ("content", "kind", "lines"),
    [
        (b'{"key":"a","request":{"contents":[]}}\n{"key":"b","request":{"contents":[]}}', b"application/octet-stream", 2),
        (b'{"name":"a table of something else"}\n{}', b"application/octet-stream", 0),
        (b'{"name":"said to be lines"}', b"application/jsonl", 1),
        (b"\x89PNG\r\n", b"image/png", 0),
        (b"{" + b"x" * 100_000, b"application/octet-stream", 0),
        (b'{"key":"' + b"x" * 100_000 + b'","request":{"contents":[]}}', b"application/octet-stream", 1),
        (b"{\\rtf1 caf\xe9\n}", b"application/octet-stream", 0),
        (b'est":{}}\n{"key":"b","request":{"contents":[]}}\n{"key":', b"application/octet-stream", 3),
    ],
)
def test_a_file_of_any_kind_is_one_of_lines_if_it_begins_like_one(content: bytes, kind: bytes, lines: int) -> None:
    """Or if its type says so; a part of a file may begin with the rest of a line."""
    stage = Stage()
    stage.client(post(b"/gemini/upload/v1beta/files", content, b"x-goog-api-key: k", b"Content-Type: " + kind))
    assert len(lines_of(stage)) == lines
    assert stage.sent.endswith(content)


def test_nobody_reads_on_for_a_client_that_has_left() -> None:
    """It is refused as a body that breaks off is, and nothing goes upstream."""
    stage = Stage()
    waiting: list[Oneshot[None]] = []

    def pause() -> Oneshot[None]:
        waiting.append(Oneshot())
        return waiting[-1]

    stage.corridor._carriers.pause = pause
    client = stage.client(post(FILES, upload(b"\n".join(call(number) for number in range(100))), *FORM))
    client.lose()
    for oneshot in waiting:
        oneshot.set(None)
    assert (stage.refusal.status, stage.refusal.error) == (499, "client_gone")
    assert not stage.sent
    stage.check_figures()
