"""The upstreams that need no configuration."""

from __future__ import annotations

import pytest

from proxy.settings.builtin import DIALECTS, builtin_upstreams, key_slot
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
