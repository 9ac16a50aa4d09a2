"""The upstreams that need no configuration."""

from __future__ import annotations

from proxy.settings.builtin import DIALECTS, builtin_upstreams
from proxy.settings.schema import Upstream


def test_each_is_valid_and_fresh() -> None:
    """Every built-in upstream passes the checks of a written one, over TLS, and a caller may change what it gets."""
    for fields in builtin_upstreams().values():
        upstream = Upstream.model_validate(fields)
        assert upstream.base_url.startswith("https://")
        assert upstream.dialect in DIALECTS
        fields["base_url"] = "changed"
    assert "changed" not in str(builtin_upstreams())
