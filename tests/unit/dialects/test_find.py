"""Which dialect and row a path asks for."""

import re

import pytest

from proxy.dialects import DIALECTS, by_name, find
from proxy.dialects.contract import Dialect


@pytest.mark.parametrize(
    ("method", "path", "dialect", "endpoint", "model"),
    [
        ("POST", "/v1/chat/completions", "openai", "chat", None),
        ("POST", "/chat/completions", "openai", "chat", None),
        ("POST", "/openai/v1/chat/completions", "openai", "chat", None),
        ("POST", "/api/v1/chat/completions", "openai", "chat", None),
        ("POST", "/compatible-mode/v1/chat/completions", "openai", "chat", None),
        ("POST", "/v1beta/openai/chat/completions", "openai", "chat", None),
        ("POST", "/openai/deployments/gpt-4/chat/completions", "openai", "chat", "gpt-4"),
        ("POST", "/v1/engines/curie/completions", "openai", "completions", "curie"),
        ("POST", "/v1/ch%61t/completions", "openai", "chat", None),
        ("POST", "/v1/completions", "openai", "completions", None),
        ("POST", "/v1/responses", "openai", "responses", None),
        ("GET", "/v1/responses/resp_1", "openai", "response", None),
        ("DELETE", "/v1/responses/resp_1", "openai", "response_delete", None),
        ("POST", "/v1/responses/resp_1/cancel", "openai", "response_cancel", None),
        ("POST", "/v1/embeddings", "openai", "embeddings", None),
        ("POST", "/v1/moderations", "openai", "moderations", None),
        ("POST", "/v1/images/generations", "openai", "images", None),
        ("POST", "/v1/images/edits", "openai", "image_edits", None),
        ("POST", "/v1/audio/speech", "openai", "speech", None),
        ("POST", "/v1/audio/transcriptions", "openai", "transcriptions", None),
        ("GET", "/v1/models", "openai", "models", None),
        ("GET", "/v1/models/meta-llama/Llama-3", "openai", "model", "meta-llama/Llama-3"),
        ("POST", "/beta/chat/completions", "openai", "chat", None),
        ("POST", "/beta/completions", "openai", "completions", None),
        ("POST", "/openai/responses", "openai", "responses", None),
        ("POST", "/models/chat/completions", "openai", "chat", None),
        ("POST", "/compatibility/v1/chat/completions", "openai", "chat", None),
        ("POST", "/inference/v1/completions", "openai", "completions", None),
        ("POST", "/v1/fim/completions", "openai", "completions", None),
        ("POST", "/v1/text/chatcompletion_v2", "openai", "chat", None),
        ("POST", "/v1/agents/completions", "openai", "chat", None),
        ("POST", "/v1/agent", "openai", "responses", None),
        ("GET", "/v1/chat/deferred-completion/5", "openai", "chat_deferred", None),
        ("POST", "/tokenize", "openai", "tokenize", None),
        ("POST", "/pooling", "openai", "pooling", None),
        ("POST", "/v2/rerank", "openai", "rerank", None),
        ("POST", "/v2/chat", "openai", "other", None),
        ("POST", "/v1/messages", "anthropic", "messages", None),
        ("POST", "/anthropic/v1/messages", "anthropic", "messages", None),
        ("POST", "/v1/messages/count_tokens", "anthropic", "count_tokens", None),
        ("POST", "/v1beta/models/gemini-2:generateContent", "gemini", "generate", "gemini-2"),
        ("POST", "/v1/models/gemini%2D2%3AstreamGenerateContent", "gemini", "generate", "gemini-2"),
        ("POST", "/v1alpha/tunedModels/t:generateContent", "gemini", "generate", "tunedModels/t"),
        ("POST", "/v1beta/models/g:batchEmbedContents", "gemini", "embeddings", "g"),
        ("POST", "/v1/projects/p/locations/l/publishers/google/models/g:countTokens", "gemini", "count_tokens", "g"),
        ("GET", "/v1beta/tunedModels", "gemini", "models", None),
        ("POST", "/v1/models", "openai", "other", None),
        ("PUT", "/v1/chat/completions", "openai", "other", None),
        ("PATCH", "/v1/chat/completions/x", "openai", "other", None),
        ("POST", "", "openai", "other", None),
    ],
)
def test_the_path_picks_dialect_and_row(method: str, path: str, dialect: str, endpoint: str, model: str | None) -> None:
    """Asked of an upstream whose own dialect is OpenAI's."""
    spoken, row, parameters = find(by_name("openai"), method, path)
    assert (spoken.name, row.name, parameters.model) == (dialect, endpoint, model)


def test_a_stream_that_nobody_reads_is_held_at_its_end() -> None:
    """Cohere's own stream ends for its client at `message-end`, before `[DONE]`."""
    reader = find(by_name("openai"), "POST", "/v2/chat")[1].answer("sse", False)
    delta, end = b'event: content-delta\ndata: {"index":0}\n\n', b'event: message-end\ndata: {"id":"x"}\n\n'
    assert [reader.feed(piece) for piece in (delta, end, b"data: [DONE]\n\n")] == [0, len(end), len(end) + 14]
    assert reader.facts().unread


def test_an_upstreams_own_dialect_is_asked_first() -> None:
    """Several dialects know `/v1/models`."""
    assert [find(dialect, "GET", "/v1/models")[0].name for dialect in DIALECTS] == [
        "openai",
        "anthropic",
        "gemini",
        "openai",
        "openai",
    ]


def test_what_no_row_fits_is_recorded_whole() -> None:
    """Not inspected, and without the demand for JSON."""
    _, row, parameters = find(by_name("gemini"), "PUT", "/upload/v1beta/files")
    assert not row.json_body
    assert row.read_request({"a": 1}, parameters).inspection == "none"


def test_an_unknown_stream_still_holds_the_endings_we_know() -> None:
    """Its events are counted."""
    _, row, _ = find(by_name("openai"), "POST", "/v1/agents/a/runs")
    reader = row.answer("sse", False)
    assert reader.feed(b'data: {"x":1}\n\ndata: [DONE]\n\n') == 14
    assert (reader.ended, reader.facts().unread, reader.facts().events) == (True, True, 2)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_each_pattern_leads_to_its_own_row(dialect: Dialect) -> None:
    """No row hides another."""
    for row in dialect.endpoints:
        path = row.pattern.replace("{model}", "models/m" if dialect.name == "gemini" else "m").replace("{version}", "v1beta")
        found = dialect.match(row.method, re.sub(r"\{\w+\}", "id-1", path))
        assert found is not None
        assert found[0] is row
