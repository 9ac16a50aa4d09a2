"""Names of OpenTelemetry's semantic conventions for GenAI (in development there, so kept in one place), and our own beside them."""

from __future__ import annotations

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_CHOICES = "gen_ai.request.choice.count"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - tokens of text

TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - as above
OPERATION_DURATION = "gen_ai.client.operation.duration"

SERVER_ADDRESS = "server.address"
STATUS = "http.response.status_code"
ERROR = "error.type"
SERVICE = "service.name"
SERVICE_VERSION = "service.version"

RECORD = "tos_proxy.record"
PRINCIPAL = "tos_proxy.principal"
PURPOSE = "tos_proxy.purpose"
DECISION = "tos_proxy.decision"
VERDICT = "tos_proxy.verdict"
OUTCOME = "tos_proxy.outcome"
UPSTREAM = "tos_proxy.upstream"

TOKEN_BOUNDS = tuple(float(4**power) for power in range(14))
DURATION_BOUNDS = tuple(0.01 * 2**power for power in range(14))
"""Bounds that the conventions ask for: tokens, and seconds."""

_OPERATIONS = {
    "chat": "chat",
    "responses": "chat",
    "messages": "chat",
    "completions": "text_completion",
    "embeddings": "embeddings",
    "generate": "generate_content",
}
_PROVIDERS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "api.x.ai": "x_ai",
    "api.deepseek.com": "deepseek",
    "api.mistral.ai": "mistral_ai",
    "api.cohere.com": "cohere",
    "api.groq.com": "groq",
    "api.perplexity.ai": "perplexity",
}


def operation(endpoint: str) -> str:
    """The conventions' name of what an endpoint does, or the endpoint's own."""
    return _OPERATIONS.get(endpoint, endpoint or "unknown")


def provider(host: str, upstream: str) -> str:
    """The conventions' name of whom a host belongs to, or the upstream's own."""
    name = host.partition(":")[0]
    if name.endswith(".openai.azure.com"):
        return "azure.ai.openai"
    if name.endswith("aiplatform.googleapis.com"):
        return "gcp.vertex_ai"
    return _PROVIDERS.get(name, upstream or "unknown")
