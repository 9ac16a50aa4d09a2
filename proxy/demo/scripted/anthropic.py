"""Anthropic's messages, token counts and models, its errors and its response headers."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, encode, event, stream, tool_call, whole
from proxy.demo.scripted.wording import Stamp

MODELS = {"claude-opus-4-5": "Claude Opus 4.5", "claude-sonnet-4-5": "Claude Sonnet 4.5", "claude-haiku-4-5": "Claude Haiku 4.5"}

_ERRORS = {
    400: ("invalid_request_error", "messages: at least one message is required"),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "model: not found"),
    413: ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}


def _usage(asked: Asked, out: int) -> dict[str, Any]:
    cache = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    return {"input_tokens": asked.tokens_in, **cache, "output_tokens": out, "service_tier": "standard"}


def _blocks(asked: Asked) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if asked.script.reasoning:
        blocks.append({"type": "thinking", "thinking": asked.thought, "signature": asked.stamp.hex("signature", 64)})
    blocks.append({"type": "text", "text": asked.text})
    if asked.script.tool:
        tool = (asked.json.get("tools") or [{}])[0]
        name, arguments = tool_call(tool.get("name"), tool.get("input_schema"))
        blocks.append({"type": "tool_use", "id": "toolu_" + asked.stamp.hex("tool"), "name": name, "input": arguments})
    return blocks


def _envelope(asked: Asked, content: list[dict[str, Any]], finish: str | None, out: int) -> dict[str, Any]:
    return {
        "id": "msg_" + asked.stamp.hex("id"),
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": finish,
        "stop_sequence": None,
        "usage": _usage(asked, out),
    }


def messages(asked: Asked) -> Content:
    """POST …/messages."""
    finish = asked.finish("tool_use" if asked.script.tool else "end_turn")
    blocks = _blocks(asked)
    if not asked.json.get("stream"):
        return whole(_envelope(asked, blocks, finish, asked.tokens_out))
    opening = [_event("message_start", message=_envelope(asked, [], None, 1)), _event("ping")]
    deltas: list[bytes] = []
    closing: list[bytes] = []
    for index, block in enumerate(blocks):
        started, parts, stopped = _block_events(asked, index, block)
        # What surrounds the text belongs to the opening or the closing, so that an endless stream repeats text deltas alone.
        (closing if deltas else opening).extend([started] if block["type"] == "text" else [started, *parts, stopped])
        if block["type"] == "text":
            deltas, closing = parts, [stopped]
    closing.append(
        _event("message_delta", delta={"stop_reason": finish, "stop_sequence": None}, usage={"output_tokens": asked.tokens_out})
    )
    closing.append(_event("message_stop"))
    failure = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    return stream(opening, deltas, closing, event(failure, "error"))


def _event(kind: str, **fields: Any) -> bytes:
    return event({"type": kind, **fields}, kind)


def _block_events(asked: Asked, index: int, block: dict[str, Any]) -> tuple[bytes, list[bytes], bytes]:
    if block["type"] == "thinking":
        empty = {**block, "thinking": "", "signature": ""}
        deltas = [
            {"type": "thinking_delta", "thinking": block["thinking"]},
            {"type": "signature_delta", "signature": block["signature"]},
        ]
    elif block["type"] == "tool_use":
        empty = {**block, "input": {}}
        text = encode(block["input"]).decode()
        half = len(text) // 2
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", text[:half], text[half:])]
    else:
        empty = {**block, "text": ""}
        deltas = [{"type": "text_delta", "text": part} for part in asked.parts()]
    started = _event("content_block_start", index=index, content_block=empty)
    parts = [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
    return started, parts, _event("content_block_stop", index=index)


def count_tokens(asked: Asked) -> Content:
    """POST …/messages/count_tokens."""
    return whole({"input_tokens": asked.tokens_in})


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": MODELS.get(name, name), "created_at": "2025-11-01T00:00:00Z"}


def models(_asked: Asked) -> Content:
    """GET …/models."""
    rows = [_model(name) for name in MODELS]
    return whole({"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]})


def model(asked: Asked) -> Content:
    """GET …/models/{model}."""
    return whole(_model(asked.model))


def error(status: int, stamp: Stamp) -> dict[str, Any]:
    """The error body of a status."""
    kind, message = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_" + stamp.hex("request", 24)}


def headers(asked: Asked) -> list[tuple[str, str]]:
    """Headers that this provider's answers carry."""
    found = [("request-id", "req_" + asked.stamp.hex("request", 24)), ("anthropic-organization-id", "scripted-organization")]
    for what, limit in (("requests", 4000), ("input-tokens", 2_000_000), ("output-tokens", 400_000)):
        found += [
            (f"anthropic-ratelimit-{what}-limit", str(limit)),
            (f"anthropic-ratelimit-{what}-remaining", str(limit - 1)),
            (f"anthropic-ratelimit-{what}-reset", asked.stamp.rfc3339()),
        ]
    return found
