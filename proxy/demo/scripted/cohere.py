"""Cohere's own v2 API: chat, whole and streamed, and embeddings, its errors and its headers."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, event, stream, whole
from proxy.demo.scripted.wording import Stamp, vector


def _usage(asked: Asked) -> dict[str, Any]:
    counts = {"input_tokens": asked.tokens_in, "output_tokens": asked.tokens_out}
    return {"billed_units": counts, "tokens": counts}


def _event(kind: str, **fields: Any) -> bytes:
    return event({"type": kind, **fields}, kind)


def chat(asked: Asked) -> Content:
    """POST /v2/chat."""
    name, finish = asked.stamp.hex("id", 32), asked.finish("COMPLETE")
    message = {"role": "assistant", "content": [{"type": "text", "text": asked.text}]}
    if not asked.json.get("stream"):
        return whole({"id": name, "message": message, "finish_reason": finish, "usage": _usage(asked)})
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    opening = [
        _event("message-start", id=name, delta={"message": empty}),
        _event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}}),
    ]
    deltas = [_event("content-delta", index=0, delta={"message": {"content": {"text": part}}}) for part in asked.parts()]
    closing = [
        _event("content-end", index=0),
        _event("message-end", id=name, delta={"finish_reason": finish, "usage": _usage(asked)}),
        b"data: [DONE]\n\n",
    ]
    return stream(opening, deltas, closing, _event("message-end", id=name, delta={"finish_reason": "ERROR", "error": "failed"}))


def embed(asked: Asked) -> Content:
    """POST /v2/embed."""
    texts = asked.json.get("texts") or []
    vectors = [vector(str(text), 16) for text in texts]
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": asked.tokens_in}}
    return whole({"id": asked.stamp.hex("id", 32), "embeddings": {"float": vectors}, "texts": texts, "meta": meta})


def error(status: int, stamp: Stamp) -> dict[str, Any]:
    """The error body of a status."""
    return {"id": stamp.hex("error", 32), "message": "invalid api token" if status == 401 else "the request failed"}


def headers(asked: Asked) -> list[tuple[str, str]]:
    """Headers that this provider's answers carry."""
    return [("x-debug-trace-id", asked.stamp.hex("trace", 32)), ("x-endpoint-monthly-call-limit", "1000")]
