"""Anthropic's API: messages, token counts, models, batches, files and skills, below `/v1` and other hosts' prefixes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy.core.facts import Message
from proxy.dialects.anthropic import batches
from proxy.dialects.anthropic.answers import MessageStream, read_message
from proxy.dialects.anthropic.batches import no_messages, read_about
from proxy.dialects.anthropic.errors import error_body
from proxy.dialects.anthropic.requests import read_messages_request, turns
from proxy.dialects.contract import AnswerReader, Endpoint, PathParameters
from proxy.dialects.paths import PathTable
from proxy.dialects.turns import as_messages
from proxy.dialects.whole import CountedReader, WholeReader

_PREFIX = r"(?:/(?!openai/)[^/]+)*?/v[0-9][0-9a-z]*"


def _answer(stream: str, collect: bool) -> AnswerReader:
    if stream == "sse":
        return MessageStream(collect=collect)
    if stream == "json":
        return WholeReader(read_message, collect=collect)
    return CountedReader()


def _messages(body: Any) -> list[Message]:
    return as_messages(turns(body))


_ENDPOINTS = (
    Endpoint("messages", "POST", "/v1/messages", read_messages_request, _messages, _answer),
    Endpoint("count_tokens", "POST", "/v1/messages/count_tokens", read_messages_request, _messages, _answer, teaches=False),
    Endpoint("models", "GET", "/v1/models", read_about, no_messages, _answer, teaches=False, json_body=False),
    Endpoint("model", "GET", "/v1/models/{model}", read_about, no_messages, _answer, teaches=False, json_body=False),
    *batches.ROWS,
)
_TABLE = PathTable(_ENDPOINTS, prefix=_PREFIX)


class AnthropicDialect:
    """See `Dialect`."""

    name = "anthropic"
    endpoints: tuple[Endpoint, ...] = _ENDPOINTS

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:
        """See `Dialect.match`."""
        return _TABLE.match(method, path)

    def error_body(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `Dialect.error_body`."""
        return error_body(status, code, message, record_id)

    def error_headers(self, record_id: str) -> Mapping[str, str]:
        """The SDKs read `request-id`."""
        return {"request-id": record_id}
