"""The effective configuration as people may see it: every value with its origin, secrets as fingerprints, and what has no
effect yet.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from proxy.documents.problems import Path, Problem, dotted
from proxy.settings.loading import Loaded
from proxy.settings.schema import SECRETS, UNUSED


@dataclass(frozen=True)
class Shown:
    """One value: `path` dotted, `value` fit for JSON, `origin` a variable, `file:line`, `built-in` or `default`."""

    path: str
    value: Any
    origin: str


def effective(loaded: Loaded, identity: bytes | None) -> list[Shown]:
    """Every value in force, in the order of the configuration's documentation; empty tables and lists count as one value."""
    return [
        Shown(dotted(path), _visible(path, value, identity), loaded.origin(path)) for path, value in _leaves(loaded.settings, ())
    ]


def unused(loaded: Loaded) -> list[Problem]:
    """One line for each key that was set and has no effect in this version."""
    lines: dict[Path, Problem] = {}
    for path in (*loaded.document.keys, *loaded.environment):
        for pattern in UNUSED:
            parts = tuple(pattern.split("."))
            key = path[: len(parts)]
            if _matches(key, parts) and key not in lines:
                variable = loaded.environment.get(path)
                where = f"environment: {variable}" if variable else loaded.document.place(key, of_key=True)
                lines[key] = Problem(where, dotted(key), "accepted, not used by this version")
    return list(lines.values())


def secret(path: Path) -> bool:
    """Whether the value at `path` must not be shown."""
    return any(_matches(path, tuple(pattern.split("."))) for pattern in SECRETS)


def _matches(path: Path, pattern: tuple[str, ...]) -> bool:
    return len(path) == len(pattern) and all(wanted in ("*", str(part)) for part, wanted in zip(path, pattern, strict=True))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _leaves(getattr(value, name), (*path, name))
    elif isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list) and value:
        for at, inner in enumerate(value):
            yield from _leaves(inner, (*path, at))
    else:
        yield path, str(value) if isinstance(value, FilePath) else value


def _visible(path: Path, value: Any, identity: bytes | None) -> Any:
    if not secret(path) or value is None:
        return value
    if isinstance(value, str) and value.startswith(("env:", "key:", "virtual:", "jwt:")):
        return value
    if path[0] in ("database_url", "redis_url") and "@" not in str(value) and "password" not in str(value):
        return value
    if identity is None:
        return "(set)"
    return f"(secret, key:{hmac.digest(identity, str(value).encode(), 'sha256').hex()[:12]})"
