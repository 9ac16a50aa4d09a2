"""OpenAI's chat and legacy completions, whole and streamed."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, encode, event, stream, tool_call, whole

STREAM_ERROR = {
    "error": {"message": "The server had an error while processing your request.", "type": "server_error", "param": None}
}
DONE = b"data: [DONE]\n\n"


def usage_of(asked: Asked, choices: int) -> dict[str, Any]:
    """The counts of an answer with so many choices."""
    out = asked.tokens_out * choices
    return {
        "prompt_tokens": asked.tokens_in,
        "completion_tokens": out,
        "total_tokens": asked.tokens_in + out,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 8 if asked.script.reasoning else 0, "audio_tokens": 0},
    }


def _envelope(asked: Asked, kind: str) -> dict[str, Any]:
    prefix = "cmpl-" if kind == "text_completion" else "chatcmpl-"
    return {
        "id": prefix + asked.stamp.hex("id", 29),
        "object": kind,
        "created": asked.stamp.created,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": "fp_" + asked.stamp.hex("fp", 10),
    }


def _tool_calls(asked: Asked) -> list[dict[str, Any]]:
    tool = (asked.json.get("tools") or [{}])[0].get("function", {})
    name, arguments = tool_call(tool.get("name"), tool.get("parameters"))
    return [
        {
            "id": "call_" + asked.stamp.hex("call"),
            "type": "function",
            "function": {"name": name, "arguments": encode(arguments).decode()},
        }
    ]


def _logprobs(asked: Asked, text: str) -> dict[str, Any] | None:
    if not asked.json.get("logprobs"):
        return None
    top = int(asked.json.get("top_logprobs") or 0)
    alternatives = [{"token": f"t{rank}", "logprob": -0.5 - rank, "bytes": None} for rank in range(top)]
    return {"content": [{"token": word, "logprob": -0.25, "bytes": None, "top_logprobs": alternatives} for word in text.split()]}


def _message(asked: Asked, choice: int) -> tuple[dict[str, Any], str]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(asked.parts(choice)), "refusal": None, "annotations": []}
    if asked.script.reasoning:
        message["reasoning_content"] = asked.thought
    if asked.script.tool:
        return {**message, "content": None, "tool_calls": _tool_calls(asked)}, asked.finish("tool_calls")
    return message, asked.finish("stop")


def chat(asked: Asked) -> Content:
    """POST …/chat/completions."""
    count = int(asked.json.get("n") or 1)
    if asked.json.get("stream"):
        return _chat_stream(asked, count)
    choices = []
    for index in range(count):
        message, finish = _message(asked, index)
        logprobs = _logprobs(asked, message["content"] or "")
        choices.append({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish})
    return whole({**_envelope(asked, "chat.completion"), "choices": choices, "usage": usage_of(asked, count)})


def _chat_deltas(asked: Asked, index: int) -> list[dict[str, Any]]:
    if asked.script.tool:
        call = {**_tool_calls(asked)[0], "index": 0}
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        opened = {**call, "function": {**call["function"], "arguments": ""}}
        pieces = [{"index": 0, "function": {"arguments": part}} for part in (arguments[:half], arguments[half:])]
        return [{"tool_calls": [piece]} for piece in (opened, *pieces)]
    thoughts = [{"reasoning_content": asked.thought}] if asked.script.reasoning else []
    return thoughts + [{"content": part} for part in asked.parts(index)]


def _chat_stream(asked: Asked, count: int) -> Content:
    envelope = _envelope(asked, "chat.completion.chunk")
    with_usage = bool((asked.json.get("stream_options") or {}).get("include_usage"))

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": _logprobs(asked, str(delta.get("content", ""))),
            "finish_reason": finish,
        }
        return event({**envelope, "choices": [choice], **({"usage": None} if with_usage else {})})

    opening = [chunk(index, {"role": "assistant", "content": "", "refusal": None}) for index in range(count)]
    deltas = [chunk(index, delta) for index in range(count) for delta in _chat_deltas(asked, index)]
    finish = asked.finish("tool_calls" if asked.script.tool else "stop")
    closing = [chunk(index, {}, finish) for index in range(count)]
    if with_usage:
        closing.append(event({**envelope, "choices": [], "usage": usage_of(asked, count)}))
    return stream(opening, deltas, [*closing, DONE], event(STREAM_ERROR))


def completions(asked: Asked) -> Content:
    """POST …/completions: one choice per prompt and `n`."""
    prompt = asked.json.get("prompt")
    prompts = len(prompt) if isinstance(prompt, list) and prompt and isinstance(prompt[0], str | list) else 1
    count = prompts * int(asked.json.get("n") or 1)
    envelope = _envelope(asked, "text_completion")

    def choice(index: int, text: str, finish: str | None) -> dict[str, Any]:
        return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}

    if not asked.json.get("stream"):
        choices = [choice(index, "".join(asked.parts(index)), asked.finish("stop")) for index in range(count)]
        return whole({**envelope, "choices": choices, "usage": usage_of(asked, count)})
    deltas = [event({**envelope, "choices": [choice(index, part, None)]}) for index in range(count) for part in asked.parts(index)]
    closing = [event({**envelope, "choices": [choice(index, "", asked.finish("stop"))]}) for index in range(count)]
    return stream([], deltas, [*closing, DONE], event(STREAM_ERROR))
