"""OpenAI's other endpoints (embeddings, moderations, models, images, speech), its errors and its response headers."""

from __future__ import annotations

import base64
import struct
from typing import Any

from proxy.demo.scripted.content import Asked, Content, whole
from proxy.demo.scripted.wording import Stamp, vector

MODELS = ("gpt-5.2", "gpt-5.2-mini", "gpt-4o", "text-embedding-3-small", "omni-moderation-latest", "gpt-image-1", "gpt-4o-mini-tts")

_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")
_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid value for 'messages'."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value and isinstance(value[0], str | list) else [value]


def embeddings(asked: Asked) -> Content:
    """POST …/embeddings: base64 (little-endian 32-bit floats) when asked for, as the SDKs do."""
    dimensions = int(asked.json.get("dimensions") or 64)
    rows: list[dict[str, Any]] = []
    for index, text in enumerate(_several(asked.json.get("input"))):
        values: Any = vector(str(text), dimensions)
        if asked.json.get("encoding_format") == "base64":
            values = base64.b64encode(struct.pack(f"<{dimensions}f", *values)).decode()
        rows.append({"object": "embedding", "index": index, "embedding": values})
    usage = {"prompt_tokens": asked.tokens_in, "total_tokens": asked.tokens_in}
    return whole({"object": "list", "data": rows, "model": asked.model, "usage": usage})


def moderations(asked: Asked) -> Content:
    """POST …/moderations: nothing is ever flagged."""
    calm = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0001),
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
    results = [calm for _ in _several(asked.json.get("input"))]
    return whole({"id": "modr-" + asked.stamp.hex("id", 32), "model": asked.model, "results": results})


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_715_367_049, "owned_by": "system"}


def models(_asked: Asked) -> Content:
    """GET …/models."""
    return whole({"object": "list", "data": [_model(name) for name in MODELS]})


def model(asked: Asked) -> Content:
    """GET …/models/{model}."""
    return whole(_model(asked.model))


def images(asked: Asked) -> Content:
    """POST …/images/generations: one grey pixel each."""
    count = int(asked.json.get("n") or 1)
    rows = [{"b64_json": _PIXEL, "revised_prompt": asked.text} for _ in range(count)]
    return whole({"created": asked.stamp.created, "data": rows})


def speech(asked: Asked) -> Content:
    """POST …/audio/speech: bytes that are no text."""
    frames = bytes(index * 37 % 256 for index in range(64 * max(1, asked.script.words)))
    return Content("audio/mpeg", closing=[b"ID3\x04\x00" + frames])


def error(status: int, _stamp: Stamp) -> dict[str, Any]:
    """The error body of a status."""
    kind, code, message = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def headers(asked: Asked) -> list[tuple[str, str]]:
    """Headers that this provider's answers carry."""
    return [
        ("x-ratelimit-limit-requests", "10000"),
        ("x-ratelimit-limit-tokens", "2000000"),
        ("x-ratelimit-remaining-requests", "9999"),
        ("x-ratelimit-remaining-tokens", "1999968"),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", "0s"),
        ("openai-organization", "scripted-org"),
        ("openai-processing-ms", str(asked.stamp.milliseconds())),
        ("openai-project", "proj_scripted"),
        ("openai-version", "2020-10-01"),
        ("x-request-id", "req_" + asked.stamp.hex("request", 32)),
    ]
