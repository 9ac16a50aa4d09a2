"""The upstreams that need no configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.settings.builtin import DIALECTS, builtin_upstreams, key_slot
from proxy.settings.loading import load
from proxy.settings.schema import Upstream


def test_each_is_valid_and_fresh() -> None:
    """Every built-in upstream passes the checks of a written one, over TLS, and a caller may change what it gets."""
    for fields in builtin_upstreams().values():
        upstream = Upstream.model_validate(fields)
        assert upstream.base_url.startswith("https://")
        assert upstream.dialect in DIALECTS
        fields["base_url"] = "changed"
    assert "changed" not in str(builtin_upstreams())


@pytest.mark.parametrize(
    ("base_url", "slot"),
    [
        ("https://ours.openai.azure.com", "api-key"),
        ("https://ours.services.ai.azure.com:443/models", "api-key"),
        ("https://ours.openai.azure.us", "api-key"),
        ("https://api.openai.com", ""),
        ("https://openai.azure.com.example.org", ""),
    ],
)
def test_azure_takes_its_key_in_its_own_slot(base_url: str, slot: str) -> None:
    """Known by the host, so that two lines of configuration are enough."""
    assert key_slot(base_url) == slot


def test_the_key_in_the_usual_variable_is_lent_at_the_provider_alone(tmp_path: Path) -> None:
    """Not where a configuration has put the upstream elsewhere, unless it says so, and not where it wants none lent."""
    written = {
        "TOS_PROXY_UPSTREAMS__ANTHROPIC__BASE_URL": "https://gateway.example",
        "TOS_PROXY_UPSTREAMS__XAI__BASE_URL": "https://gateway.example",
        "TOS_PROXY_UPSTREAMS__XAI__API_KEY_ENV": "XAI_API_KEY",
        "TOS_PROXY_UPSTREAMS__GROQ__BASE_URL": "https://api.groq.com/openai",
        "TOS_PROXY_UPSTREAMS__GEMINI__CONTRACT": "gemini.api",
    }
    upstreams = load(written, tmp_path).settings.upstreams
    lent = {name: upstreams[name].api_key_env for name in ("openai", "anthropic", "xai", "groq", "gemini")}
    assert lent == {
        "openai": "OPENAI_API_KEY",
        "anthropic": None,
        "xai": "XAI_API_KEY",
        "groq": "GROQ_API_KEY",
        "gemini": "GEMINI_API_KEY",
    }
