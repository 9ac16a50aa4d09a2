"""What the conventions call operations and providers."""

from __future__ import annotations

import pytest

from proxy.telemetry import genai


@pytest.mark.parametrize(
    ("host", "upstream", "name"),
    [
        ("api.openai.com:443", "openai", "openai"),
        ("team.openai.azure.com", "azure", "azure.ai.openai"),
        ("europe-west1-aiplatform.googleapis.com", "vertex", "gcp.vertex_ai"),
        ("llm.internal:8000", "vllm", "vllm"),
        ("openai.azure.com.evil.example", "x", "x"),
        ("", "", "unknown"),
    ],
)
def test_providers(host: str, upstream: str, name: str) -> None:
    """By the host that was asked; the upstream's own name where the conventions have none."""
    assert genai.provider(host, upstream) == name


def test_operations() -> None:
    """What an endpoint does; endpoints that the conventions do not name keep theirs."""
    assert [genai.operation(each) for each in ("messages", "generate", "speech", "")] == [
        "chat",
        "generate_content",
        "speech",
        "unknown",
    ]
