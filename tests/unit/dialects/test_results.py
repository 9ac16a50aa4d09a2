"""Files of results: sums over lines, the same however the bytes are cut, bounded, and honest about what is no such file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.core.facts import AnswerFacts, Usage
from proxy.dialects import by_name
from proxy.dialects.openai.results import read_result
from proxy.dialects.openai.tasks import read_task
from proxy.dialects.results import LINE_CAP, ResultLines
from tests.property.dialect_streams import cut


def chat(text: str, tokens: int) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": tokens, "completion_tokens": 2 * tokens}
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


OPENAI = (
    {"id": "1", "custom_id": "a", "response": {"status_code": 200, "body": chat("hello", 3)}, "error": None},
    {"id": "2", "custom_id": "b", "response": {"status_code": 200, "body": chat("good bye", 4)}, "error": None},
    {"id": "3", "custom_id": "c", "response": {"status_code": 429, "body": {"error": {"type": "requests"}}}, "error": None},
    {"id": "4", "custom_id": "d", "response": None, "error": {"code": "batch_expired", "message": "x"}},
)
MESSAGE = {"id": "m", "role": "assistant", "model": "claude", "content": [{"type": "text", "text": "hello"}]}
ANTHROPIC = (
    {"custom_id": "a", "result": {"type": "succeeded", "message": {**MESSAGE, "usage": {"input_tokens": 3, "output_tokens": 6}}}},
    {"custom_id": "b", "result": {"type": "errored", "error": {"type": "error", "error": {"type": "overloaded_error"}}}},
    {"custom_id": "c", "result": {"type": "expired"}},
)
GENERATED = {
    "candidates": [{"content": {"parts": [{"text": "hello"}]}}],
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 6},
}
GEMINI = (
    {"key": "a", "response": GENERATED},
    {"key": "b", "error": {"code": 8, "status": "RESOURCE_EXHAUSTED"}},
)


def jsonl(rows: Any) -> bytes:
    """Lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(dialect: str, path: str, content: bytes, *, collect: bool = False, stream: str = "other") -> AnswerFacts:
    """The facts of a file that is fetched at this path."""
    found = by_name(dialect).match("GET", path)
    assert found is not None
    reader = found[0].answer(stream, collect)
    reader.feed(content)
    return reader.facts()


FILES = {
    "openai": ("/v1/files/file-1/content", OPENAI, (4, 2, 2, 13, Usage(input=7, output=14), "requests")),
    "anthropic": ("/v1/messages/batches/b/results", ANTHROPIC, (3, 1, 2, 5, Usage(input=3, output=6), "overloaded_error")),
    "gemini": ("/v1beta/files/f:download", GEMINI, (2, 1, 1, 5, Usage(input=3, output=6), "RESOURCE_EXHAUSTED")),
}


@pytest.mark.parametrize("dialect", FILES)
def test_results_are_summed(dialect: str) -> None:
    """Lines, those that failed, texts and usage; the texts themselves for who asks."""
    path, rows, expected = FILES[dialect]
    seen = read(dialect, path, jsonl(rows))
    assert (seen.lines, seen.lines_done, seen.lines_failed, seen.text_chars, seen.usage, seen.error) == expected
    assert not seen.unread
    assert read(dialect, path, jsonl(rows), collect=True).text.startswith("hello")


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.integers(0, 5000), max_size=12),
    ended=st.booleans(),
    noise=st.sampled_from([b"", b"[1]\n", b"\xff\x00", b"{"]),
)
def test_cuts_change_nothing(places: list[int], ended: bool, noise: bytes) -> None:
    """Nor does a missing last line break, nor noise in the midst."""
    content = jsonl(OPENAI[:2]) + noise + jsonl(OPENAI[2:])
    content = content if ended else content[:-1]
    whole = ResultLines(read_result, read_task, collect=True)
    whole.feed(content)
    pieces = ResultLines(read_result, read_task, collect=True)
    for piece in cut(content, places):
        pieces.feed(piece)
        pieces.facts()  # may be asked at any time
    assert pieces.facts() == whole.facts()


def test_a_line_that_is_too_long_is_skipped() -> None:
    """It is not kept, and what follows is read."""
    reader = ResultLines(read_result, read_task)
    reader.feed(jsonl(OPENAI[:1]))
    for _ in range(LINE_CAP // 65536 + 2):
        reader.feed(b"x" * 65536)
    reader.feed(b"\n" + jsonl(OPENAI[1:2]))
    seen = reader.facts()
    assert (seen.lines, seen.lines_done, seen.unread) == (2, 2, True)


def test_other_files_are_unread() -> None:
    """A picture, a table; and a file of training examples has lines and no results."""
    assert read("openai", "/v1/files/f/content", b"\x89PNG\n" * 1000) == AnswerFacts(unread=True)
    assert read("openai", "/v1/files/f/content", b"step,loss\n1,0.5\n") == AnswerFacts(unread=True)
    assert read("openai", "/v1/files/f/content", b"") == AnswerFacts()
    assert read("openai", "/v1/files/f/content", jsonl([{"messages": []}] * 3)) == AnswerFacts(lines=3)


@pytest.mark.parametrize("indent", [None, 2])
def test_an_error_instead_of_a_file_is_told(indent: int | None) -> None:
    """However it is written."""
    error = json.dumps({"error": {"type": "invalid_request_error"}}, indent=indent).encode()
    assert read("openai", "/v1/files/f/content", error, stream="json").error == "invalid_request_error"
    error = json.dumps({"type": "error", "error": {"type": "not_found_error"}}, indent=indent).encode()
    assert read("anthropic", "/v1/messages/batches/b/results", error, stream="json").error == "not_found_error"
