"""Facts of Gemini's requests and answers, its array streams, and its error shapes."""

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, Message, RequestFacts, Usage
from proxy.dialects import by_name
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.gemini.array import ArrayReader


def row(method: str = "generateContent") -> Endpoint:
    found = by_name("gemini").match("POST", f"/v1beta/models/gemini-2:{method}")
    assert found is not None
    return found[0]


def facts(method: str = "generateContent", **body: Any) -> RequestFacts:
    return row(method).read_request(body, PathParameters(model="gemini-2"))


def answer(*documents: Any) -> AnswerFacts:
    reader = row("streamGenerateContent").answer("json", True)
    reader.feed(msgspec.json.encode(documents))
    return reader.facts()


def test_an_ordinary_request_is_fully_understood() -> None:
    """Parameters come from generationConfig, the model from the path."""
    assert facts(
        systemInstruction={"parts": [{"text": "abc"}]},
        contents=[{"role": "user", "parts": [{"text": "hello"}]}, {"role": "model", "parts": [{"text": "hi"}]}],
        generationConfig={
            "temperature": 0.5,
            "topP": 1,
            "candidateCount": 2,
            "maxOutputTokens": 9,
            "seed": 3,
            "responseLogprobs": True,
            "logprobs": 5,
            "responseMimeType": "application/json",
            "thinkingConfig": {"thinkingBudget": 100, "includeThoughts": True},
        },
        tools=[{"functionDeclarations": [{}, {}]}, {"googleSearch": {}}],
    ) == RequestFacts(
        model="gemini-2",
        messages=2,
        system_chars=3,
        prompt_chars=7,
        temperature=0.5,
        top_p=1.0,
        n=2,
        max_tokens=9,
        seed=3,
        logprobs=True,
        top_logprobs=5,
        response_format="application/json",
        reasoning="100",
        tools=3,
    )


def test_snake_case_says_the_same() -> None:
    """Proto3 JSON takes both spellings."""
    read = facts(
        system_instruction={"parts": [{"text": "abc"}]},
        generation_config={"candidate_count": 2, "max_output_tokens": 9, "response_schema": {}},
    )
    assert (read.system_chars, read.n, read.max_tokens, read.response_format, read.flags) == (3, 2, 9, "json_schema", [])


def test_both_spellings_at_once_are_flagged() -> None:
    """Which of them wins is the server's secret; the larger number counts."""
    read = facts(generationConfig={"candidateCount": 1}, generation_config={"candidateCount": 8})
    assert (read.n, read.flags) == (8, ["two_spellings"])


def test_media_files_and_caches_are_flagged() -> None:
    """Inline bytes are media, files and cached content are references too."""
    parts = [{"inlineData": {"data": "AA"}}, {"fileData": {"fileUri": "files/1"}}]
    read = facts(contents=[{"parts": parts}], cachedContent="cachedContents/1")
    assert read.media == 2
    assert sorted(read.references) == ["cache:1", "file:1"]


def test_a_batch_of_embeddings_counts_its_prompts() -> None:
    """Each request has one content."""
    read = facts("batchEmbedContents", requests=[{"content": {"parts": [{"text": "ab"}]}}, {"content": {"parts": [{"text": "c"}]}}])
    assert (read.prompts, read.prompt_chars) == (2, 3)


def test_a_stream_is_asked_for_by_the_path() -> None:
    """The body has no switch for it."""
    found = by_name("gemini").match("POST", "/v1beta/models/g:streamGenerateContent")
    assert found is not None
    assert found[1].stream
    assert facts("streamGenerateContent").stream


def test_messages_are_handed_on_with_our_roles() -> None:
    """The model is the assistant, a function's response the tool's."""
    body = {
        "contents": [
            {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]},
        ]
    }
    assert row().read_messages(body) == [Message("assistant", "", tool_calls=1), Message("tool", "")]


@pytest.mark.parametrize("body", [{"contents": [5]}, {"contents": [{"parts": [1]}]}, {"generationConfig": 3}, {"tools": {}}])
def test_a_wrong_type_is_flagged(body: dict[str, Any]) -> None:
    """The rest is still read."""
    assert facts(**body).flags == ["odd_types"]


def test_an_answer_is_read_with_thoughts_calls_and_usage() -> None:
    """Thoughts are paid for as output."""
    document = {
        "responseId": "r",
        "modelVersion": "gemini-2-001",
        "candidates": [
            {
                "content": {
                    "parts": [{"text": "hm", "thought": True}, {"text": "hi"}, {"functionCall": {"name": "f", "args": {"a": 1}}}]
                },
                "finishReason": "STOP",
                "logprobsResult": {"x": 1},
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 1,
            "candidatesTokenCount": 2,
            "thoughtsTokenCount": 3,
            "cachedContentTokenCount": 1,
        },
    }
    assert answer(document) == AnswerFacts(
        model="gemini-2-001",
        upstream_id="r",
        finish="STOP",
        usage=Usage(input=1, output=5, cached=1, reasoning=3),
        choices=1,
        text_chars=2,
        reasoning_chars=2,
        tool_calls=1,
        logprobs=True,
        events=1,
        text="hi",
        reasoning_text="hm",
        tool_calls_text='f{"a":1}',
    )


def test_a_blocked_prompt_finishes_with_the_reason() -> None:
    """There is no candidate then."""
    assert answer({"promptFeedback": {"blockReason": "SAFETY"}}).finish == "SAFETY"


def test_an_error_is_named_by_its_status() -> None:
    """The name of a google.rpc.Code."""
    assert answer({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}).error == "RESOURCE_EXHAUSTED"


@pytest.mark.parametrize(
    ("pieces", "holds"),
    [
        ([b'[{"a":["]"]}', b"]", b"\n"], [0, 1, 2]),
        ([b'[{"a":"x\\"]"', b"}]  "], [0, 3]),
        ([b"[]"], [1]),
        ([b'{"error":{}}'], [0]),
        ([b'["a]', b'"]'], [0, 1]),
    ],
)
def test_only_the_bracket_that_closes_the_array_is_held(pieces: list[bytes], holds: list[int]) -> None:
    """Brackets in texts and in elements pass."""
    reader = ArrayReader()
    assert [reader.feed(piece) for piece in pieces] == holds


def test_a_single_object_in_place_of_an_array_is_read() -> None:
    """Errors come so."""
    reader = ArrayReader()
    reader.feed(b'{"error":{"status":"INTERNAL"}}')
    assert reader.facts().error == "INTERNAL"


def test_an_element_beyond_the_cap_is_skipped() -> None:
    """The next is read."""
    reader = ArrayReader(cap=50, collect=True)
    for piece in (b'[{"a":"', b"x" * 100, b'"},', b'{"candidates":[{"finishReason":"STOP"}]}]'):
        reader.feed(piece)
    assert (reader.facts().unread, reader.facts().finish) == (True, "STOP")


@pytest.mark.parametrize(
    ("fed", "start"),
    [(b"", b'[{"error"'), (b"[", b'{"error"'), (b'[{"a":1}', b',{"error"'), (b'[{"a":', b""), (b'{"a":1}', b"")],
)
def test_a_broken_array_is_closed_well_formed(fed: bytes, start: bytes) -> None:
    """One more element and the bracket; inside an element nothing can be said."""
    reader = ArrayReader()
    reader.feed(fed)
    event = reader.error_event(502, "upstream_lost", "m", "rec")
    assert event.startswith(start)
    assert bool(event) == bool(start)
    if event:
        assert "error" in msgspec.json.decode(fed + event)[-1]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (400, "INVALID_ARGUMENT"),
        (403, "PERMISSION_DENIED"),
        (429, "RESOURCE_EXHAUSTED"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_the_error_status_follows_the_http_status(status: int, word: str) -> None:
    """With the record in an ErrorInfo."""
    error = msgspec.json.decode(by_name("gemini").error_body(status, "policy_violation", "no", "rec"))["error"]
    assert (error["code"], error["status"], error["message"]) == (status, word, "no (record rec)")
    assert error["details"][0]["metadata"] == {"record": "rec"}


def test_an_event_stream_breaks_with_an_error_payload() -> None:
    """google-genai raises when `error` is the first member."""
    reader: AnswerReader = row("streamGenerateContent").answer("sse", False)
    event = reader.error_event(502, "upstream_lost", "m", "rec")
    assert event.startswith(b'data: {"error":{')
    assert reader.feed(event) == len(event)
