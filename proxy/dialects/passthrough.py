"""Requests that no dialect has a row for: recorded whole, not inspected. The error shape is the one that most clients know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from proxy.core.facts import Message, RequestFacts
from proxy.dialects.contract import UPLOAD_LINKS, AnswerReader, Endpoint, PathParameters
from proxy.dialects.error_message import with_record
from proxy.dialects.sse import EndRule, EventStreamReader
from proxy.dialects.whole import CountedReader


def _error_body(status: int, code: str, message: str, record_id: str) -> bytes:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    message = with_record(message, record_id)
    return msgspec.json.encode({"error": {"message": message, "type": kind, "code": code, "record": record_id}})


def _error_event(status: int, code: str, message: str, record_id: str) -> bytes:
    return b"data: " + _error_body(status, code, message, record_id) + b"\n\n"


class UnknownStream(EventStreamReader):
    """Counts the events of a stream we do not know, and holds what ends the streams we do know."""

    rule: ClassVar[EndRule] = EndRule(
        names=frozenset(
            {
                b"message_stop",
                b"response.completed",
                b"response.failed",
                b"response.incomplete",
                b"error",
                b"message-end",  # Cohere
            }
        ),
        heads=(b"[DONE]", b'{"error":', b'{"type":"message_stop"', b'{"type":"response.completed"'),
    )

    def read_event(self, name: bytes, payload: bytes) -> bool:
        """Judge one event by its name, or by how it begins."""
        self.gathering.seen.unread = True
        return self.ends(name, payload)

    def own_error(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `EventStreamReader.own_error`."""
        return _error_event(status, code, message, record_id)


def _read_request(_body: Any, path: PathParameters) -> RequestFacts:
    return RequestFacts(model=path.model, stream=path.stream, inspection="none")


def _read_messages(_body: Any) -> list[Message]:
    return []


def _answer(stream: str, collect: bool) -> AnswerReader:
    return UnknownStream(collect=collect) if stream == "sse" else CountedReader()


OTHER = Endpoint("other", "*", "*", _read_request, _read_messages, _answer, json_body=False, links=UPLOAD_LINKS)
"""The one row that is in no table: whatever the method and the path are."""


class PassthroughDialect:
    """See `Dialect`; knows no endpoint."""

    name = "passthrough"
    endpoints: tuple[Endpoint, ...] = ()

    def match(self, method: str, path: str) -> tuple[Endpoint, PathParameters] | None:  # noqa: ARG002 - the contract's parameters
        """Nothing matches: `OTHER` is what stands for it."""
        return None

    def error_body(self, status: int, code: str, message: str, record_id: str) -> bytes:
        """See `Dialect.error_body`."""
        return _error_body(status, code, message, record_id)

    def error_headers(self, record_id: str) -> Mapping[str, str]:
        """The header that most clients look for."""
        return {"x-request-id": record_id}
