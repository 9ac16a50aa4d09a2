"""Which addresses real SDKs follow, whatever base URL they were given: the evidence behind docs/adr/0008-links-in-answers.md."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.ledger.record import Intent, Outcome
from tests.journey.test_real_clients import travel
from tests.ledger_oracle import written
from tests.proxy_server import ProxyServer

SDKS = ("python-older", "python-newer")


def recorded(server: ProxyServer) -> tuple[list[tuple[str, str]], list[str]]:
    """Endpoint and target of each record, and the links that answers held; the proxy is ended for that."""
    assert server.stop() == 0
    ledger = written(server.data_dir / "spool")
    asked = [(entry.endpoint, entry.target) for entry, _ in ledger.of(Intent) if isinstance(entry, Intent)]
    return asked, [link for entry, _ in ledger.of(Outcome) if isinstance(entry, Outcome) for link in entry.facts.links]


def targets(server: ProxyServer) -> list[str]:
    """What the upstream was asked for."""
    seen: list[Any] = list(server.upstream.seen() if callable(server.upstream.seen) else server.upstream.seen)
    return [one.target.decode() for one in seen]


@pytest.mark.parametrize("sdk", SDKS)
def test_the_bytes_of_an_upload_come_through_the_proxy(proxy_server: ProxyServer, sdk: str) -> None:
    """They are sent to the address in an answer's header, which leads here; its id, which lets anybody upload, is in no record."""
    travel("gemini_kept_python.py", sdk, [f"{proxy_server.gateway_url}/gemini"])
    sent = [target for target in targets(proxy_server) if "upload_id=" in target]
    asked, _ = recorded(proxy_server)
    kept = [target for endpoint, target in asked if endpoint == "file_upload" and "upload_id=" in target]
    assert len(kept) == len(sent) >= 4
    assert all("upload_id=REDACTED&" in target for target in kept)


@pytest.mark.parametrize("sdk", [*SDKS, "node"])
def test_the_results_of_a_batch(proxy_server: ProxyServer, sdk: str) -> None:
    """The SDK's own method goes to the address in the batch, the provider's, of which the record tells; with the lines of
    docs/clients.md it comes through the proxy, and the results are tied to what was asked.
    """
    proxy_server.check_records = False  # of what went past it, that is what must be shown to be missing
    program = f"anthropic_results_{'node.mjs' if sdk == 'node' else 'python.py'}"
    ((past, through),) = travel(program, sdk, [f"{proxy_server.gateway_url}/anthropic"])
    assert past["result"][0]["result"]["type"] == through["result"][0]["result"]["type"] == "succeeded"
    fetched = [target for target in targets(proxy_server) if target.endswith("/results")]
    proxy_server.until(lambda: proxy_server.api("/exchanges?endpoint=batch_results")["items"], 20)
    (found,) = proxy_server.api("/exchanges?endpoint=batch_results")["items"]
    proxy_server.until(lambda: proxy_server.api(f"/exchanges/{found['id']}")["result_of"], 20)
    assert proxy_server.api(f"/exchanges/{found['id']}")["result_of"]["lines"] == 1
    asked, links = recorded(proxy_server)
    assert [endpoint for endpoint, _ in asked] == ["batch_create", "batch", "batch_create", "batch", "batch_results"]
    assert links == [proxy_server.upstream.url + each for each in fetched]
