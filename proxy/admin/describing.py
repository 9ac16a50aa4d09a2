"""The API's own description: FastAPI's, with what every route has in common (ETags, Idempotency-Key), and an example for each
request and answer: the one its model gives, or one made of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

Schema = dict[str, Any]

_KNOWN: Mapping[str, Any] = {
    "name": "lab",
    "principal": "lab",
    "project": "distil",
    "upstream": "openai",
    "host": "api.openai.com",
    "dialect": "openai",
    "endpoint": "chat",
    "method": "POST",
    "target": "/v1/chat/completions",
    "purpose": "use.product",
    "purposes": ["use.product"],
    "model_requested": "gpt-5",
    "decision": "allow",
    "verdict": "allow",
    "outcome": "completed",
    "instance": "5f0c1e2d3b4a5968-0",
    "id": "rec_019a0b1c2d3e4f5061728394a5b6c7d8",
    "record": "rec_019a0b1c2d3e4f5061728394a5b6c7d8",
    "by": "ann",
    "role": "reviewer",
    "digest": "8ea42466a5147082",
    "cursor": None,
    "next_cursor": None,
    "standing": "normal",
    "key": "tp_…",
    "token": "ta_…",
    "until": None,
    "inspection": "full",
    "started": "2026-11-22T12:00:00Z",
    "status": 200,
    "day": 20779,
    "date": "2026-11-22",
}
_EVERYWHERE = frozenset({400, 401, 403, 422, 500, 503})
_OF_CHANGES = frozenset({409, 412, 413})
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_NOON = 1795348800000000
_DEEPEST = 6

_TAG = {"schema": {"type": "string"}, "example": '"5d41402abc4b2a76b9719d911017c592"'}
_HEADERS: Mapping[str, Schema] = {
    "If-None-Match": {"description": "an ETag that is known already: the answer is then 304", **_TAG},
    "If-Match": {"description": "the ETag of what is to be changed: 412 if it is another by now", **_TAG},
    "Idempotency-Key": {
        "description": "what was asked with it before is answered as it was then, for a day",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "example": "b0c1…",
    },
}


def install(app: FastAPI) -> None:
    """Have the application describe itself so."""

    def openapi() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's documentation has it


def described(app: FastAPI) -> Schema:
    """The whole description."""
    whole: Schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for path in whole["paths"].values():
        for method, route in path.items():
            _headers(method, route)
            for media in _media(route):
                if "example" not in media and "examples" not in media and "schema" in media:
                    media["example"] = example(media["schema"], whole["components"]["schemas"])
    return whole


def _headers(method: str, route: Schema) -> None:
    names = ["If-None-Match"] if method == "get" else ["If-Match", *(["Idempotency-Key"] if method == "post" else [])]
    route.setdefault("parameters", []).extend({"name": name, "in": "header", "required": False, **_HEADERS[name]} for name in names)
    answers = route["responses"]
    if method == "get":
        answers["304"] = {"description": "Not Modified"}
    wrong = {int(status) for status in answers if status >= "4"} | _EVERYWHERE | (frozenset() if method == "get" else _OF_CHANGES)
    for status in sorted(wrong):
        answers[str(status)] = {"description": HTTPStatus(status).phrase, "content": _PROBLEM}


def _media(route: Schema) -> list[Schema]:
    told = [route["requestBody"]] if "requestBody" in route else []
    told += [answer for status, answer in route["responses"].items() if status.startswith("2")]
    return [media for each in told for media in each.get("content", {}).values()]


def example(schema: Schema, models: Mapping[str, Schema], name: str = "", depth: int = 0) -> Any:
    """An example of a schema: its own, or what its name usually holds, or the least that it takes."""
    if "$ref" in schema:
        return example(models[schema["$ref"].rpartition("/")[2]], models, name, depth)
    given = [*schema.get("examples", ()), *(schema[key] for key in ("example", "const", "default") if key in schema)]
    if given:
        return given[0]
    if schema.get("enum"):
        return _KNOWN[name] if _KNOWN.get(name) in schema["enum"] else schema["enum"][0]
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        nothing = any(each.get("type") == "null" for each in choices) and _KNOWN.get(name) is None
        return None if nothing else example(choices[0], models, name, depth)
    return _made(schema, models, name, depth)


def _made(schema: Schema, models: Mapping[str, Schema], name: str, depth: int) -> Any:
    if schema.get("type") == "object" or "properties" in schema:
        members = schema.get("properties", {}) if depth < _DEEPEST else {}
        return {key: example(value, models, key, depth + 1) for key, value in members.items()}
    if schema.get("type") == "array":
        return _KNOWN.get(name) or ([example(schema["items"], models, name, depth + 1)] if name == "items" else [])
    return _plain(schema.get("type"), name)


def _plain(kind: Any, name: str) -> Any:
    if kind == "string":
        return _KNOWN.get(name) or ""
    if kind == "integer":
        return _NOON if name == "at" or name.endswith("_at") else _KNOWN.get(name, 0)
    return {"number": 0.0, "boolean": False}.get(str(kind))
