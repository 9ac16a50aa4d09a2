"""From traffic to a slow-down that says why, by a real proxy: found in the ledger, told to the gateway, shown to a reviewer."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from proxy.ledger.record import Mark
from tests.ledger_oracle import written
from tests.proxy_server import ProxyServer, StartProxy

WORDS = ("amber", "birch", "canal", "delta", "ember", "fjord", "grove", "harbor", "island", "kettle")


def harvest(number: int) -> dict[str, Any]:
    """One call of many that recover a model's last layer: log-probabilities under a bias that is never the same."""
    bias = {str(number * 11 + place): 40 for place in range(4)}
    asked = {"logprobs": True, "top_logprobs": 5, "max_tokens": 1, "logit_bias": bias}
    return {"model": "gpt-5", "messages": [{"role": "user", "content": WORDS[number % 10]}], **asked}


def ask(server: ProxyServer, key: str, body: dict[str, Any]) -> httpx2.Response:
    """One call."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx2.post(f"{server.gateway_url}/openai/v1/chat/completions", headers=headers, json=body, timeout=20)


def extraction(server: ProxyServer) -> list[dict[str, Any]]:
    """Findings of extraction."""
    try:
        return list(server.api("/findings?kind=extraction")["items"])
    except OSError:
        return []


def started(start_proxy: StartProxy, **detection: str) -> ProxyServer:
    """A proxy whose limited principals may ask once a minute."""
    limits = {"limited": {"requests": "1/m"}, "contact": "trust@example.com"}
    server = start_proxy(configuration={"detection": detection, "limits": limits, "packs": []})
    server.wait_admin()
    return server


def test_a_harvest_is_slowed_down_and_told_why(start_proxy: StartProxy) -> None:
    """A key that nobody configured harvests a model: it is found, limited within seconds with words on what to do, and a reviewer
    who dismisses it lifts that; another key goes on as before.
    """
    server = started(start_proxy)
    for number in range(70):
        assert ask(server, "sk-thief", harvest(number)).status_code in {200, 429}
    numbers = iter(range(70, 10_000))
    server.until(lambda: ask(server, "sk-thief", harvest(next(numbers))).status_code == 429)
    refused = ask(server, "sk-thief", harvest(next(numbers)))
    told = refused.json()["error"]["message"]
    assert refused.status_code == 429
    assert "x-tos-purpose" in told
    assert "trust@example.com" in told
    assert ask(server, "sk-other", harvest(1)).status_code == 200
    server.until(lambda: extraction(server))
    (found,) = extraction(server)
    assert found["principal"].startswith("key:")
    assert found["contributions"][0]["signal"] == "harvest"
    assert found["detail"]["prompt"] <= 70
    assert found["detail"]["samples"].startswith("rec_")
    marks = [entry for entry, _ in written(server.data_dir / "spool").of(Mark) if entry.event == "standing_moved"]
    assert marks[-1].detail["principal"] == found["principal"]


@pytest.mark.parametrize("detection", [{"enforce": "shadow"}])
def test_in_shadow_nobody_is_slowed_down(start_proxy: StartProxy, detection: dict[str, str]) -> None:
    """The same traffic is found, and goes on."""
    server = started(start_proxy, **detection)
    for number in range(70):
        assert ask(server, "sk-thief", harvest(number)).status_code == 200
    server.until(lambda: extraction(server))
    for number in range(70, 80):
        assert ask(server, "sk-thief", harvest(number)).status_code == 200
    (found,) = extraction(server)
    assert found["shadow"]
    assert any("shadow" in sentence for sentence in found["sentences"])
