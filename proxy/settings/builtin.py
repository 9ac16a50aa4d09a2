"""The upstreams that need no configuration: where each provider's API is, and the dialect it speaks by default."""

from __future__ import annotations

import re
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
