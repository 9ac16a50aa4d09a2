"""Facts of OpenAI's answers, whole and streamed."""

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, Usage
from proxy.dialects import by_name


def read(path: str, *documents: Any, stream: str = "json", method: str = "POST") -> AnswerFacts:
    found = by_name("openai").match(method, path)
    assert found is not None
    reader = found[0].answer(stream, True)
    for document in documents:
        raw = msgspec.json.encode(document)
        reader.feed(b"data: " + raw + b"\n\n" if stream == "sse" else raw)
    return reader.facts()


CHAT = "/v1/chat/completions"


def test_a_chat_answer_is_read_whole() -> None:
    """Model, id, usage with its details, texts by choice, calls and logprobs."""
    answer = {
        "id": "chatcmpl-1",
        "model": "gpt-4o",
        "choices": [
            {"index": 1, "message": {"content": "two"}, "finish_reason": "length"},
            {
                "index": 0,
                "message": {
                    "content": "one",
                    "reasoning_content": "hm",
                    "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "g", "arguments": "1"}}],
                },
                "finish_reason": "stop",
                "logprobs": {"content": []},
            },
        ],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 6,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
    }
    assert read(CHAT, answer) == AnswerFacts(
        model="gpt-4o",
        upstream_id="chatcmpl-1",
        finish="stop",
        usage=Usage(input=5, output=6, cached=4, reasoning=3),
        choices=2,
        text_chars=6,
        reasoning_chars=2,
        tool_calls=2,
        logprobs=True,
        text="one\ntwo",
        reasoning_text="hm",
        tool_calls_text="f{}\ng1",
    )


def test_choices_of_a_stream_are_joined_in_the_order_of_their_index() -> None:
    """Deltas of several choices come interleaved."""
    deltas = [(1, "b"), (0, "a"), (1, "B"), (0, "A")]
    facts = read(CHAT, *[{"choices": [{"index": index, "delta": {"content": text}}]} for index, text in deltas], stream="sse")
    assert facts.text == "aA\nbB"
    assert (facts.choices, facts.events) == (2, 4)


def test_texts_stay_out_unless_collected() -> None:
    """Counting alone keeps no text."""
    found = by_name("openai").match("POST", CHAT)
    assert found is not None
    reader = found[0].answer("sse", False)
    reader.feed(b'data: {"choices":[{"delta":{"content":"abc"}}]}\n\n')
    assert (reader.facts().text_chars, reader.facts().text) == (3, "")


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
def test_reasoning_is_read_under_both_names(key: str) -> None:
    """DeepSeek's and OpenRouter's."""
    assert read(CHAT, {"choices": [{"delta": {key: "hm"}}]}, stream="sse").reasoning_chars == 2


def test_a_refusal_is_text() -> None:
    """The model said it."""
    assert read(CHAT, {"choices": [{"delta": {"refusal": "no"}}]}, stream="sse").text == "no"


def test_usage_comes_in_a_chunk_without_choices() -> None:
    """The last chunk of a stream with `include_usage`."""
    facts = read(CHAT, {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}, stream="sse")
    assert facts.usage == Usage(input=1, output=2)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": {"type": "rate_limit_error", "code": "x"}}, "rate_limit_error"),
        ({"error": {"code": 429}}, "429"),
        ({"error": "bad"}, "error"),
        ({"object": "error", "type": "invalid_request"}, "invalid_request"),
        ({"error": None, "choices": []}, None),
    ],
)
def test_an_error_is_named_by_its_type(answer: dict[str, Any], error: str | None) -> None:
    """In whichever of the hosts' shapes."""
    assert read(CHAT, answer).error == error


def test_an_error_event_ends_the_stream() -> None:
    """The SDKs raise at it."""
    found = by_name("openai").match("POST", CHAT)
    assert found is not None
    reader = found[0].answer("sse", False)
    event = b'data: {"error":{"type":"server_error"}}\n\n'
    assert reader.feed(event) == len(event)
    assert reader.ended
    assert reader.facts().error == "server_error"


@pytest.mark.parametrize("key", [b"error", rb"\u0065rror", rb"err\u006fr"])
def test_an_error_behind_other_members_ends_the_stream_however_it_is_spelled(key: bytes) -> None:
    """A client acts on what the JSON says, so such an event is held whole though it arrives alone, among plain ones."""
    found = by_name("openai").match("POST", CHAT)
    assert found is not None
    reader = found[0].answer("sse", True)
    for _ in range(3):
        assert reader.feed(b'data: {"id":"a","model":"m","choices":[{"index":0,"delta":{"content":"x"}}]}\n\n') == 0
    event = b'data: {"id":"a","%b":{"type":"overloaded"}}\n\n' % key
    assert reader.feed(event) == len(event)
    assert (reader.facts().text, reader.facts().error, reader.facts().events) == ("xxx", "overloaded", 4)


def test_half_an_emoji_in_a_delta_is_still_counted() -> None:
    """Providers cut surrogate pairs in two; the chunk is read by the lenient path."""
    found = by_name("openai").match("POST", CHAT)
    assert found is not None
    reader = found[0].answer("sse", True)
    reader.feed(b'data: {"choices":[{"delta":{"content":"a\\ud83d"}}]}\n\n')
    assert reader.facts().text == "a?"
    assert not reader.facts().unread


def test_a_completion_has_texts_in_its_choices() -> None:
    """The older endpoint has no messages."""
    assert read("/v1/completions", {"choices": [{"index": 0, "text": "abc", "finish_reason": "stop"}]}).text == "abc"


def test_a_response_object_is_read_whole() -> None:
    """Its output items give text, thoughts and calls; its status is the finish."""
    answer = {
        "id": "resp_1",
        "model": "gpt-5",
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "content": [{"type": "output_text", "text": "hello", "logprobs": [1]}]},
            {"type": "function_call", "id": "fc", "name": "f", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}},
    }
    facts = read("/v1/responses", answer)
    assert (facts.text, facts.reasoning_text, facts.tool_calls_text) == ("hello", "hm", "f{}")
    assert (facts.finish, facts.upstream_id, facts.logprobs) == ("max_output_tokens", "resp_1", True)
    assert facts.usage == Usage(input=1, output=2, reasoning=1)


@pytest.mark.parametrize("kind", ["response.completed", "response.failed", "response.incomplete", "error"])
@pytest.mark.parametrize("named", [True, False])
def test_each_ending_of_a_response_stream_is_held(kind: str, named: bool) -> None:
    """With an event name or by the payload's type alone."""
    found = by_name("openai").match("POST", "/v1/responses")
    assert found is not None
    reader = found[0].answer("sse", False)
    assert reader.feed(b'event: response.created\ndata: {"type":"response.created","response":{}}\n\n') == 0
    event = f'event: {kind}\ndata: {{"type":"{kind}"}}\n\n' if named else f'data: {{"type":"{kind}"}}\n\n'
    assert reader.feed(event.encode()) == len(event)
    assert reader.ended


def test_a_failed_response_names_its_error() -> None:
    """The error stands inside the response."""
    facts = read("/v1/responses", {"type": "response.failed", "response": {"error": {"code": "server_error"}}}, stream="sse")
    assert facts.error == "server_error"


def test_the_entries_of_bulky_answers_are_counted_unread() -> None:
    """Embeddings and pictures."""
    answer = {"model": "e", "data": [{"embedding": [0.1] * 5}] * 3, "usage": {"prompt_tokens": 4}}
    facts = read("/v1/embeddings", answer)
    assert (facts.model, facts.choices, facts.usage) == ("e", 3, Usage(input=4))


def test_a_list_of_models_is_counted() -> None:
    """Each entry is one choice."""
    assert read("/v1/models", {"object": "list", "data": [{}, {}]}, method="GET").choices == 2


def test_a_transcription_is_text() -> None:
    """It came from the model."""
    assert read("/v1/audio/transcriptions", {"text": "hello"}).text == "hello"
