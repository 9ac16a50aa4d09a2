"""JSON Schema (2020-12) of policy files, from the models that read them: editors then complete and check while one writes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from proxy.policy import schema
from proxy.policy.names import BY_NAME, MATCHED, Name

MODELS: dict[str, type[BaseModel]] = {"policy": schema.Policy, "pack": schema.Pack}
"""By the word that names the schema: `policies/schema/policy.json`."""


def json_schema(word: str) -> dict[str, Any]:
    """The schema of one kind of file. Raises KeyError for a word that is not in MODELS."""
    made = MODELS[word].model_json_schema(by_alias=True)
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    if word == "policy":
        fields = found["$defs"]["PolicySpec"]["properties"]
        matched = {name: _values(BY_NAME[name]) for name in MATCHED}
        fields["match"] = {**fields["match"], "properties": matched, "additionalProperties": False}
    for definition in (found, *found.get("$defs", {}).values()):
        _short_forms(definition.get("properties", {}))
    return found


def _values(name: Name) -> dict[str, Any]:
    """One value or several; words that are settled are offered, and patterns are allowed beside them."""
    value: dict[str, Any] = {"type": "string"}
    if name.words:
        value = {"anyOf": [{"enum": list(name.words)}, {"type": "string", "pattern": "[*?]"}]}
    return {"description": name.meaning, "anyOf": [value, {"type": "array", "items": value, "minItems": 1}]}


def _short_forms(fields: dict[str, Any]) -> None:
    """Where a list of texts is wanted, one text is taken too."""
    for field, given in fields.items():
        items = given.get("items")
        if given.get("type") == "array" and isinstance(items, dict) and items.get("type") == "string":
            listed = {key: given[key] for key in ("type", "items", "minItems") if key in given}
            rest = {key: value for key, value in given.items() if key not in listed}
            fields[field] = {**rest, "anyOf": [items, listed]}
