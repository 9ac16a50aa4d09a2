"""OpenAI's responses API, whole and streamed with named, numbered events."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, encode, event, stream, tool_call, whole


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _item(asked: Asked, text: str, status: str) -> dict[str, Any]:
    if asked.script.tool:
        tool = (asked.json.get("tools") or [{}])[0]
        name, arguments = tool_call(tool.get("name"), tool.get("parameters"))
        call = {"id": "fc_" + asked.stamp.hex("item", 48), "call_id": "call_" + asked.stamp.hex("call"), "type": "function_call"}
        return {**call, "status": status, "name": name, "arguments": encode(arguments).decode() if text else ""}
    content = [_part(text)] if text else []
    return {
        "id": "msg_" + asked.stamp.hex("item", 48),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _reasoning(asked: Asked) -> list[dict[str, Any]]:
    if not asked.script.reasoning:
        return []
    summary = [{"type": "summary_text", "text": asked.thought}]
    return [{"id": "rs_" + asked.stamp.hex("reasoning", 48), "type": "reasoning", "summary": summary}]


def _response(asked: Asked, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
    usage = {
        "input_tokens": asked.tokens_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": asked.tokens_out,
        "output_tokens_details": {"reasoning_tokens": 8 if asked.script.reasoning else 0},
        "total_tokens": asked.tokens_in + asked.tokens_out,
    }
    return {
        "id": "resp_" + asked.stamp.hex("id", 48),
        "object": "response",
        "created_at": asked.stamp.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.json.get("instructions"),
        "max_output_tokens": asked.json.get("max_output_tokens"),
        "metadata": asked.json.get("metadata") or {},
        "model": asked.model,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": asked.json.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": asked.json.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage if status == "completed" else None,
        "user": None,
    }


def responses(asked: Asked) -> Content:
    """POST …/responses."""
    output = [*_reasoning(asked), _item(asked, asked.text, "completed")]
    if not asked.json.get("stream"):
        return whole(_response(asked, "completed", output))
    return _stream(asked, output)


def _text_events(asked: Asked, where: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    place = {**where, "content_index": 0}
    opening = [("response.content_part.added", {**place, "part": _part("")})]
    deltas = [("response.output_text.delta", {**place, "delta": part, "logprobs": []}) for part in asked.parts()]
    closing = [
        ("response.output_text.done", {**place, "text": asked.text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": _part(asked.text)}),
    ]
    return opening, deltas, closing


def _call_events(item: dict[str, Any], where: dict[str, Any]) -> tuple[list[Any], list[Any], list[Any]]:
    deltas = [("response.function_call_arguments.delta", {**where, "delta": item["arguments"]})]
    closing = [("response.function_call_arguments.done", {**where, "arguments": item["arguments"], "name": item["name"]})]
    return [], deltas, closing


def _stream(asked: Asked, output: list[dict[str, Any]]) -> Content:
    item = output[-1]
    index = len(output) - 1
    where = {"item_id": item["id"], "output_index": index}
    begun = _response(asked, "in_progress", [])
    opened = {"output_index": index, "item": _item(asked, "", "in_progress")}
    inner, deltas, finished = _call_events(item, where) if asked.script.tool else _text_events(asked, where)
    opening = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        *(("response.output_item.added", {"output_index": at, "item": thought}) for at, thought in enumerate(output[:-1])),
        *(("response.output_item.done", {"output_index": at, "item": thought}) for at, thought in enumerate(output[:-1])),
        ("response.output_item.added", opened),
        *inner,
    ]
    closing = [
        *finished,
        ("response.output_item.done", {"output_index": index, "item": item}),
        ("response.completed", {"response": _response(asked, "completed", output)}),
    ]
    numbers = iter(range(len(opening) + len(deltas) + len(closing)))

    def numbered(events: list[Any]) -> list[bytes]:
        return [event({"type": name, "sequence_number": next(numbers), **fields}, name) for name, fields in events]

    failure = {"type": "error", "code": "server_error", "message": "The server had an error.", "param": None}
    pieces = numbered(opening), numbered(deltas), numbered(closing)
    return stream(*pieces, event({**failure, "sequence_number": len(opening)}, "error"))
