"""Ollama's own API: chat and generation in JSON lines, embeddings, models, its errors and its headers."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, encode, tool_call, whole
from proxy.demo.scripted.wording import Stamp, tokens, vector

MODELS = ("llama4", "qwen3:8b")


def _line(asked: Asked, said: dict[str, Any], *, done: bool = False) -> dict[str, Any]:
    line: dict[str, Any] = {"model": asked.model, "created_at": asked.stamp.rfc3339(), **said, "done": done}
    if done:
        line |= {"done_reason": asked.finish("stop"), "total_duration": 9_000_000, "load_duration": 1_000_000}
        line |= {"prompt_eval_count": asked.tokens_in, "prompt_eval_duration": 3_000_000}
        line |= {"eval_count": asked.tokens_out, "eval_duration": 5_000_000}
    return line


def _answered(asked: Asked, pieces: list[dict[str, Any]], all_said: dict[str, Any], nothing: dict[str, Any]) -> Content:
    """The pieces as lines, or all of it at once when the request says `"stream": false`."""
    if asked.json.get("stream") is False:
        return whole(_line(asked, all_said, done=True))
    lines = [encode(_line(asked, piece)) + b"\n" for piece in pieces]
    last = encode(_line(asked, nothing, done=True)) + b"\n"
    failed = encode({"error": "the model runner has unexpectedly stopped"}) + b"\n"
    return Content("application/x-ndjson", [], lines, [last], failed, streamed=True)


def chat(asked: Asked) -> Content:
    """POST /api/chat."""
    message: dict[str, Any] = {"role": "assistant", "content": asked.text}
    pieces: list[dict[str, Any]] = [{"role": "assistant", "content": part} for part in asked.parts()]
    if asked.script.reasoning:
        message["thinking"] = asked.thought
        pieces.insert(0, {"role": "assistant", "content": "", "thinking": asked.thought})
    if asked.script.tool:
        tool = (asked.json.get("tools") or [{}])[0].get("function", {})
        name, arguments = tool_call(tool.get("name"), tool.get("parameters"))
        calls = {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}
        message |= calls
        pieces.append({"role": "assistant", "content": "", **calls})
    return _answered(
        asked, [{"message": piece} for piece in pieces], {"message": message}, {"message": {"role": "assistant", "content": ""}}
    )


def generate(asked: Asked) -> Content:
    """POST /api/generate."""
    context = {"context": [1, 2, 3]}
    pieces = [{"response": part} for part in asked.parts()]
    return _answered(asked, pieces, {"response": asked.text, **context}, {"response": "", **context})


def embed(asked: Asked) -> Content:
    """POST /api/embed."""
    given = asked.json.get("input")
    texts = given if isinstance(given, list) else [given]
    vectors = [vector(str(text), 16) for text in texts]
    count = sum(tokens(str(text)) for text in texts)
    return whole({"model": asked.model, "embeddings": vectors, "total_duration": 9, "load_duration": 1, "prompt_eval_count": count})


def tags(asked: Asked) -> Content:
    """GET /api/tags."""
    rows = [{"name": name, "model": name, "modified_at": asked.stamp.rfc3339(), "size": 1, "digest": "d"} for name in MODELS]
    return whole({"models": rows})


def error(status: int, _stamp: Stamp) -> dict[str, Any]:
    """The error body of a status."""
    return {"error": "model not found, try pulling it first" if status == 404 else "the request failed"}


def headers(_asked: Asked) -> list[tuple[str, str]]:
    """Ollama sends none of its own."""
    return []
