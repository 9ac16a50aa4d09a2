"""What other hosts make of OpenAI's answers: each in its own words, the same facts."""

from typing import Any

import msgspec
import pytest

from proxy.core.facts import AnswerFacts, Usage
from proxy.dialects import by_name

CHAT = "/v1/chat/completions"


def reading(stream: str, *documents: Any) -> AnswerFacts:
    """The facts of a chat answer: one document, or chunks."""
    found = by_name("openai").match("POST", CHAT)
    assert found is not None
    reader = found[0].answer(stream, True)
    for document in documents:
        raw = msgspec.json.encode(document)
        reader.feed(b"data: " + raw + b"\n\n" if stream == "sse" else raw)
    return reader.facts()


def streamed(*choices: dict[str, Any], **last: Any) -> AnswerFacts:
    """Chunks of one choice each, and what stands beside the choices in the last."""
    frame = {"id": "c1", "model": "m", "object": "chat.completion.chunk"}
    chunks = [{**frame, "choices": [{"index": 0, **choice}]} for choice in choices]
    return reading("sse", *chunks[:-1], {**chunks[-1], **last})


def whole(choice: dict[str, Any], **more: Any) -> AnswerFacts:
    """A whole answer of one choice."""
    return reading("json", {"id": "c1", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", **choice}], **more})


def test_a_text_beside_a_delta_counts_once() -> None:
    """Together repeats each delta's content as the choice's `text`."""
    found = streamed({"text": "one ", "delta": {"content": "one "}}, {"text": "two", "delta": {"content": "two"}})
    assert (found.text, found.text_chars) == ("one two", 7)


def test_a_message_beside_a_delta_counts_once() -> None:
    """Perplexity repeats all so far as `message`, and gives whole answers an empty `delta`."""
    found = streamed(
        {"delta": {"role": "assistant", "content": "one "}, "message": {"role": "assistant", "content": "one "}},
        {"delta": {"content": "two"}, "message": {"content": "one two"}},
        {"delta": {}, "message": {"content": "one two"}, "finish_reason": "stop"},
        usage={"prompt_tokens": 3, "completion_tokens": 2, "reasoning_tokens": 9, "citation_tokens": 40},
    )
    assert (found.text, found.finish) == ("one two", "stop")
    assert found.usage == Usage(input=3, output=2, reasoning=9)
    assert whole({"message": {"content": "all"}, "delta": {"role": "assistant", "content": ""}}).text == "all"


def test_a_message_after_the_deltas_counts_once() -> None:
    """MiniMax's native stream ends in the whole answer once more; a stream of nothing but a whole answer is read."""
    end = {"message": {"content": "one two", "role": "assistant"}, "finish_reason": "stop"}
    found = streamed({"delta": {"content": "one "}}, {"delta": {"content": "two"}}, end, usage={"total_tokens": 4})
    assert (found.text, found.finish) == ("one two", "stop")
    assert streamed(end).text == "one two"


@pytest.mark.parametrize(
    "message",
    [
        {"content": "a", "reasoning_content": "hmm"},
        {"content": "a", "reasoning": "hmm"},
        {"content": "a", "reasoning": "hmm", "reasoning_details": [{"type": "reasoning.text", "text": "hmm"}]},
        {"content": "a", "reasoning_details": [{"type": "reasoning.text", "text": "hmm"}]},
        {"content": "a", "reasoning_details": [{"type": "reasoning.summary", "summary": "hmm"}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}, {"type": "text", "text": "a"}]},
    ],
    ids=["deepseek", "groq", "openrouter", "minimax", "summary", "mistral"],
)
def test_thoughts_are_found_once_wherever_they_are(message: dict[str, Any]) -> None:
    """A thought under several names is one thought, whole and in a stream whose chunks before it were plain text."""
    assert whole({"message": message}).reasoning_text == "hmm"
    plain = {"delta": {"content": "b"}}
    found = streamed(plain, plain, {"delta": message}, plain)
    assert (found.reasoning_text, found.text) == ("hmm", "bbab")


@pytest.mark.parametrize(
    ("choice", "more", "usage"),
    [
        ({}, {"x_groq": {"id": "r", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}}, Usage(input=3, output=2)),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 2, "cached_tokens": 1}}, {}, Usage(input=3, output=2, cached=1)),
        ({}, {"usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_cache_hit_tokens": 1}}, Usage(3, 2, 1)),
    ],
    ids=["groq", "moonshot", "deepseek"],
)
def test_usage_is_found_where_hosts_put_it(choice: dict[str, Any], more: dict[str, Any], usage: Usage) -> None:
    """In `x_groq`, in the last choice, with the cached tokens beside the others."""
    assert streamed({"delta": {"content": "a"}}, {"delta": {}, **choice}, **more).usage == usage


def test_a_first_chunk_about_filters_is_no_choice() -> None:
    """Azure begins with its judgement of the prompt, under no name, and judges the answer beside its words."""
    found = reading(
        "sse",
        {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}]},
        {"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {"content": "a"}, "content_filter_results": {}}]},
        {"id": "", "model": "", "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"end_offset": 9}}]},
        {"id": "c1", "model": "gpt-5", "choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]},
    )
    assert (found.model, found.upstream_id, found.text, found.choices) == ("gpt-5", "c1", "a", 1)
    assert found.finish == "content_filter"


def test_a_bare_number_is_a_logprob() -> None:
    """Together's chunks have one, certainty included; its whole answers have lists."""
    assert streamed({"delta": {"content": "a"}, "logprobs": 0.0}).logprobs
    assert whole({"message": {"content": "a"}, "logprobs": {"tokens": ["a"], "token_logprobs": [-0.5]}}).logprobs
    assert not whole({"message": {"content": "a"}, "logprobs": None}).logprobs


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, "1004"),
        ({"error": {"type": None, "code": "content_filter", "status": 400, "message": "…"}}, "content_filter"),
        ({"error": {"code": 502, "message": "Provider returned error"}, "choices": []}, "502"),
        ({"x_groq": {"id": "r", "error": "over capacity"}, "choices": []}, "error"),
        ({"object": "error", "type": "invalid_request_error", "code": "3051"}, "invalid_request_error"),
    ],
    ids=["minimax", "azure", "openrouter", "groq", "mistral"],
)
def test_errors_are_found_under_a_good_status(document: dict[str, Any], error: str) -> None:
    """Whole and in mid-stream: an error that came with 200 is an error all the same."""
    assert reading("json", document).error == error
    assert reading("sse", {"choices": [{"delta": {"content": "a"}}]}, document).error == error


def test_a_good_base_resp_is_no_error() -> None:
    """MiniMax says 0 where all went well."""
    assert whole({"message": {"content": "a"}}, base_resp={"status_code": 0, "status_msg": ""}).error is None


def test_comments_and_empty_lines_are_no_events() -> None:
    """OpenRouter and DeepSeek keep connections open with comments, DeepSeek's whole answers begin with empty lines."""
    found = by_name("openai").match("POST", CHAT)
    assert found is not None
    reader = found[0].answer("sse", True)
    chunk = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    held = [
        reader.feed(piece) for piece in (b": OPENROUTER PROCESSING\n\n", b"\n\n", chunk, b": keep-alive\n\n", b"data: [DONE]\n\n")
    ]
    assert held == [0, 0, 0, 0, 14]
    assert (reader.facts().events, reader.facts().text) == (2, "a")
    late = found[0].answer("json", True)
    late.feed(b"\n\n\n")
    late.feed(b'{"choices":[{"message":{"content":"a"}}]}')
    assert late.facts().text == "a"


def test_an_answer_that_comes_later_is_read_when_it_comes() -> None:
    """Perplexity's asynchronous chat has the request and the answer inside; xAI's deferred one gives an id first."""
    dialect = by_name("openai")
    asked, path = dialect.match("POST", "/async/chat/completions") or pytest.fail("no row")
    found = asked.read_request({"request": {"model": "m", "messages": [{"role": "user", "content": "hello"}]}}, path)
    assert (found.model, found.messages, found.prompt_chars, found.inspection) == ("m", 1, 5, "full")
    row, path = dialect.match("GET", "/async/chat/completions/r1") or pytest.fail("no row")
    assert (row.teaches, path.references) == (True, ("completion:r1",))
    answer = {"id": "c1", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    for response, text in ((None, ""), (answer, "a")):
        reader = row.answer("json", True)
        reader.feed(msgspec.json.encode({"id": "r1", "model": "m", "status": "…", "response": response}))
        assert (reader.facts().text, reader.facts().model, reader.facts().unread) == (text, "m", False)
    assert reading("json", {"request_id": "r2"}).upstream_id == "r2"
