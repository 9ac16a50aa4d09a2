"""The upstreams that need no configuration: where each provider's API is, and the dialect it speaks by default."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

OPENAI = "openai"
ANTHROPIC = "anthropic"
GEMINI = "gemini"
OLLAMA = "ollama"
PASSTHROUGH = "passthrough"
DIALECTS = (OPENAI, ANTHROPIC, GEMINI, OLLAMA, PASSTHROUGH)

_AZURE = re.compile(r".+\.(?:openai|services\.ai|cognitiveservices)\.azure\.(?:com|us|cn)")

# base_url is what stands before the API's own path (`/v1/…`, `/v1beta/…`), as each provider documents it.
_TABLE = (
    ("openai", OPENAI, "https://api.openai.com"),
    ("anthropic", ANTHROPIC, "https://api.anthropic.com"),
    ("gemini", GEMINI, "https://generativelanguage.googleapis.com"),
    ("xai", OPENAI, "https://api.x.ai"),
    ("deepseek", OPENAI, "https://api.deepseek.com"),
    ("mistral", OPENAI, "https://api.mistral.ai"),
    ("moonshot", OPENAI, "https://api.moonshot.ai"),
    ("minimax", OPENAI, "https://api.minimax.io"),
    ("cohere", OPENAI, "https://api.cohere.com"),
    ("openrouter", OPENAI, "https://openrouter.ai/api"),
    ("groq", OPENAI, "https://api.groq.com/openai"),
    ("together", OPENAI, "https://api.together.ai"),
    ("fireworks", OPENAI, "https://api.fireworks.ai/inference"),
    ("perplexity", OPENAI, "https://api.perplexity.ai"),
)


def default_contract(name: str) -> str:
    """The row of the terms that a built-in upstream is under wherever it is; empty for others."""
    return f"{name}.api" if any(name == builtin for builtin, _, _ in _TABLE) else ""


def key_slot(base_url: str) -> str:
    """Where a host takes its key if not where its dialect's provider does, else empty: Azure has a slot of its own."""
    return "api-key" if _AZURE.fullmatch(urlsplit(base_url).hostname or "") else ""


def builtin_upstreams() -> dict[str, dict[str, str]]:
    """Fresh `{name: {dialect, base_url}}`, in a fixed order; a configuration's entry of the same name overrides fields."""
    return {name: {"dialect": dialect, "base_url": base_url} for name, dialect, base_url in _TABLE}


def lend_usual_keys(upstreams: Any) -> None:
    """Name the usual variable of a provider's key (`OPENAI_API_KEY`) where a built-in upstream says nothing of one and is at the
    provider's own address: elsewhere a key is lent only if that is said. What has the wrong shape is left as it is.
    """
    for name, _, base_url in _TABLE:
        fields = upstreams.get(name) if isinstance(upstreams, dict) else None
        if isinstance(fields, dict) and fields.get("base_url") == base_url:
            fields.setdefault("api_key_env", f"{name.upper()}_API_KEY")
