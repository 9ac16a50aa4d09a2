"""Upstreams of the configuration as tests and explanations know them."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.app.drafts import ground
from proxy.app.sites import sites


def test_sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upstream has its host, its dialect and the contract that it is under, whether configuration, host or name tells that."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tos-proxy.yaml").write_text(
        "upstreams:\n  mine: {dialect: openai, base_url: 'https://models.example.com:8443/x',\n"
        "    contract: openai.api, model_licence: licence.mit}\n"
    )
    on = ground()
    known = sites(on.loaded.settings, on.terms)
    assert (known["mine"].host, known["mine"].dialect, known["mine"].contract) == ("models.example.com", "openai", "openai.api")
    assert known["mine"].licence == "licence.mit"
    assert (known["anthropic"].host, known["anthropic"].contract) == ("api.anthropic.com", "anthropic.api")
