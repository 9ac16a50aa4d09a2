"""Gemini's generateContent (whole, SSE, JSON array), token counts, embeddings and models, its errors and its headers."""

from __future__ import annotations

from typing import Any

from proxy.demo.scripted.content import Asked, Content, encode, event, stream, tool_call, whole
from proxy.demo.scripted.wording import Stamp, vector

MODELS = ("gemini-3-pro", "gemini-2.5-flash", "gemini-embedding-001")

_CODES = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "API keys are not supported by this API."),
    403: ("PERMISSION_DENIED", "Generative Language API has not been used in this project before or it is disabled."),
    404: ("NOT_FOUND", "The model is not found for this API version."),
    409: ("ABORTED", "The operation was aborted."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


def _parts(asked: Asked, text: str) -> list[dict[str, Any]]:
    if not asked.script.tool:
        return [{"text": text}]
    declared = (asked.json.get("tools") or [{}])[0].get("functionDeclarations") or [{}]
    name, arguments = tool_call(declared[0].get("name"), declared[0].get("parameters") or declared[0].get("parametersJsonSchema"))
    return [{"functionCall": {"name": name, "args": arguments}}]


def _answer(asked: Asked, parts: list[dict[str, Any]], finish: str | None, choices: int = 1) -> dict[str, Any]:
    out = asked.tokens_out * choices
    usage: dict[str, Any] = {"promptTokenCount": asked.tokens_in, "totalTokenCount": asked.tokens_in}
    if finish:
        usage |= {"candidatesTokenCount": out, "totalTokenCount": asked.tokens_in + out}
    candidates = [
        {"content": {"parts": parts, "role": "model"}, **({"finishReason": finish} if finish else {}), "index": index}
        for index in range(choices)
    ]
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": asked.model, "responseId": asked.stamp.hex("id", 22)}


def _thoughts(asked: Asked) -> list[dict[str, Any]]:
    return [{"text": asked.thought, "thought": True}] if asked.script.reasoning else []


def generate(asked: Asked) -> Content:
    """POST …:generateContent."""
    choices = int((asked.json.get("generationConfig") or {}).get("candidateCount") or 1)
    return whole(_answer(asked, [*_thoughts(asked), *_parts(asked, asked.text)], asked.finish("STOP"), choices))


def stream_generate(asked: Asked) -> Content:
    """POST …:streamGenerateContent: events with `alt=sse`, a JSON array without."""
    texts = [asked.text] if asked.script.tool else asked.parts()
    opening = [_answer(asked, _thoughts(asked), None)] if asked.script.reasoning else []
    deltas = [_answer(asked, _parts(asked, text), None) for text in texts[:-1]]
    last = _answer(asked, _parts(asked, texts[-1]), asked.finish("STOP"))
    failure = error(503, asked.stamp)
    if "alt=sse" in asked.query.split("&"):
        content = stream([_sse(one) for one in opening], [_sse(one) for one in deltas], [_sse(last)], _sse(failure))
        content.media_type = "text/event-stream"
        return content
    rows = [encode(one) for one in (*opening, *deltas)]
    chunks = [(b",\r\n" if index else b"[") + row for index, row in enumerate(rows)]
    joint = b",\r\n" if chunks else b"["
    return Content(
        media_type="application/json; charset=UTF-8",
        opening=chunks[: max(1, len(opening))],
        deltas=chunks[max(1, len(opening)) :],
        closing=[joint + encode(last), b"\n]\n"],
        error=joint + encode(failure) + b"\n]\n",
        streamed=True,
    )


def _sse(value: Any) -> bytes:
    # Gemini ends its lines with CR LF.
    return event(value)[:-2] + b"\r\n\r\n"


def count_tokens(asked: Asked) -> Content:
    """POST …:countTokens."""
    details = [{"modality": "TEXT", "tokenCount": asked.tokens_in}]
    return whole({"totalTokens": asked.tokens_in, "promptTokensDetails": details})


def embed(asked: Asked) -> Content:
    """POST …:embedContent."""
    return whole({"embedding": {"values": vector(asked.stamp.seed, int(asked.json.get("outputDimensionality") or 64))}})


def batch_embed(asked: Asked) -> Content:
    """POST …:batchEmbedContents."""
    rows = asked.json.get("requests") or []
    return whole(
        {"embeddings": [{"values": vector(str(row.get("content")), int(row.get("outputDimensionality") or 64))} for row in rows]}
    )


def _model(name: str) -> dict[str, Any]:
    return {
        "name": "models/" + name,
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def models(_asked: Asked) -> Content:
    """GET …/models."""
    return whole({"models": [_model(name) for name in MODELS]})


def model(asked: Asked) -> Content:
    """GET …/models/{model}."""
    return whole(_model(asked.model))


def error(status: int, _stamp: Stamp) -> dict[str, Any]:
    """The error body of a status."""
    code, message = _CODES.get(status, _CODES[500 if status >= 500 else 400])
    return {"error": {"code": status, "message": message, "status": code}}


def headers(asked: Asked) -> list[tuple[str, str]]:
    """Headers that this provider's answers carry."""
    return [
        ("vary", "Origin"),
        ("vary", "X-Origin"),
        ("vary", "Referer"),
        ("server", "scaffolding on HTTPServer2"),
        ("x-xss-protection", "0"),
        ("x-frame-options", "SAMEORIGIN"),
        ("x-content-type-options", "nosniff"),
        ("server-timing", f"gfet4t7; dur={asked.stamp.milliseconds()}"),
    ]
