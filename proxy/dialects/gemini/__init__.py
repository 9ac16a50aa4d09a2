"""Gemini's API: content, embeddings, token counts, models, what is kept, interactions; below any version, and as on Vertex AI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from proxy.core.facts import Message
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.gemini import interactions, kept, live, requests
from proxy.dialects.gemini.answers import GenerateStream, read_generated
from proxy.dialects.gemini.array import ArrayReader
from proxy.dialects.gemini.errors import error_body
from proxy.dialects.paths import PathTable
from proxy.dialects.turns import Turn, as_messages
from proxy.dialects.whole import CountedReader, WholeReader

_PREFIX = (
    r"(?:/(?!openai/|anthropic/)[^/]+)*?/v[0-9][0-9a-z]*"
    r"(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/[^/]+)?"  # Vertex AI
)
_MODEL = r"(?:models|tunedModels|endpoints|dynamic)/[^/:]+"


def _answer(stream: str, collect: bool) -> AnswerReader:
    if stream == "sse":
        return GenerateStream(collect=collect)
    if stream == "json":
        return WholeReader(read_generated, collect=collect)
    return CountedReader()


def _stream_answer(stream: str, collect: bool) -> AnswerReader:
    return ArrayReader(collect=collect) if stream == "json" else _answer(stream, collect)


def _messages(turns: Callable[[Any], Any]) -> Callable[[Any], list[Message]]:
    return lambda body: as_messages(turns(body))


def _no_turns(_body: Any) -> list[Turn]:
    return []


_generate_messages = _messages(requests.generate_turns)
_embed_messages = _messages(requests.embed_turns)
_no_messages = _messages(_no_turns)


def _listing(name: str, pattern: str) -> Endpoint:
    return Endpoint(name, "GET", pattern, requests.read_bare, _no_messages, _answer, teaches=False, json_body=False)


def _row(name: str, method: str, *, teaches: bool = True) -> Endpoint:
    embeds = name == "embeddings"
    read, messages = (requests.read_embed, _embed_messages) if embeds else (requests.read_generate, _generate_messages)
    return Endpoint(name, "POST", "/v1beta/{model}:" + method, read, messages, _answer, teaches=teaches)


_ENDPOINTS = (
    _row("generate", "generateContent"),
    Endpoint("generate", "POST", "/v1beta/{model}:streamGenerateContent", requests.read_stream, _generate_messages, _stream_answer),
    _row("count_tokens", "countTokens", teaches=False),
    _row("embeddings", "embedContent", teaches=False),
    _row("embeddings", "batchEmbedContents", teaches=False),
    _listing("models", "/v1beta/models"),
    _listing("models", "/v1beta/tunedModels"),
    *kept.ROWS,
    *interactions.ROWS,
    _listing("model", "/v1beta/{model}"),
)
_TABLE = PathTable(_ENDPOINTS, prefix=_PREFIX, model=_MODEL, place="[^/:]+", streams=(":streamGenerateContent",))


class GeminiDialect:
    """See `Dialect`."""

    name = "gemini"
    endpoints: tuple[Endpoint, ...] = (*_ENDPOINTS, *live.ROWS)

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """See `Dialect.match`; a model is named without its collection `models/`, as clients name it."""
        found = _TABLE.match(method, path)
        if found is None:
            return live.match(method, path) if "/ws/" in path else None
        if found[1].model is None:
            return found
        endpoint, parameters = found
        return endpoint, msgspec.structs.replace(parameters, model=(parameters.model or "").removeprefix("models/"))

    def error_body(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `Dialect.error_body`."""
        return error_body(status, code, message, record_id)

    def error_headers(self, record_id: str) -> Mapping[str, str]:  # noqa: ARG002 - the contract's parameter
        """The SDKs read no request id."""
        return {}
