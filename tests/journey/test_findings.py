"""From a real call to a finding, a decision on the record, and back after a new start."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import httpx2
import pytest

from proxy.ledger.record import Mark
from tests.ledger_oracle import written
from tests.proxy_server import ProxyServer, StartProxy
from tests.servers import Postgres, postgres

__all__ = ["postgres"]

KEYS = {"alice": "sk-of-alice-0123456789", "bob": "sk-of-bob-0123456789"}
PRINCIPALS = {"alice": {"keys": [KEYS["alice"]], "purpose": "use.product"}, "bob": {"keys": [KEYS["bob"]]}}


def ask(server: ProxyServer, who: str, **headers: str) -> httpx2.Response:
    """One call of OpenAI's API through a proxy."""
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": "hello"}]}
    sent = {"authorization": f"Bearer {KEYS[who]}", **headers}
    return httpx2.post(f"{server.gateway_url}/openai/v1/chat/completions", headers=sent, json=body, timeout=20)


def items(server: ProxyServer, path: str) -> list[dict[str, Any]]:
    """The items of a page of the admin API; none while it is away."""
    try:
        return list(server.api(path)["items"])
    except OSError:
        return []


def counted(server: ProxyServer, kind: str) -> list[tuple[str, int]]:
    """Principals and counts of the findings of a kind."""
    return sorted((one["principal"], one["count"]) for one in items(server, f"/findings?kind={kind}"))


def post(server: ProxyServer, path: str, body: dict[str, Any]) -> Any:
    """Change something by the admin API."""
    headers = {"authorization": f"Bearer {server.token}", "content-type": "application/json"}
    url = server.admin_url + "/api/v1" + path
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=10) as answer:
        return json.load(answer)


def marks(server: ProxyServer) -> list[str]:
    """Events of the marks in the ledger."""
    return [entry.event for entry, _ in written(server.data_dir / "spool").entries if isinstance(entry, Mark)]


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, start_proxy: StartProxy) -> ProxyServer:
    """A proxy with two principals, of whom one declares a purpose."""
    configuration: dict[str, Any] = {"principals": PRINCIPALS}
    if request.param == "postgresql":
        database: Postgres = request.getfixturevalue("postgres")
        configuration["database_url"] = database.database()
    started = start_proxy(configuration=configuration)
    started.wait_admin()
    return started


def test_one_question_for_who_declares_nothing(server: ProxyServer) -> None:
    """Calls without purpose are one question that counts them; its decision is shown, is an entry of the ledger, and outlives a
    new start, after which nothing is counted again.
    """
    for _ in range(3):
        assert ask(server, "bob").status_code == 200
        assert ask(server, "alice").status_code == 200
    server.until(lambda: counted(server, "question") == [("bob", 3)])
    (question,) = items(server, "/findings?kind=question")
    assert question["state"] == "open"
    decided = post(
        server, f"/findings/{question['id']}/decision", {"decision": "needs_answer", "note": "asked by mail", "by": "ann"}
    )
    assert (decided["state"], decided["decision"]) == ("decided", "needs_answer")
    server.restart()
    server.wait_admin()
    assert ask(server, "bob").status_code == 200
    server.until(lambda: counted(server, "question") == [("bob", 4)])
    again = server.api(f"/findings/{question['id']}")
    assert (again["decision"], again["note"], again["count"]) == ("needs_answer", "asked by mail", 4)
    assert "finding_decided" in [event["event"] for event in again["events"]]
    assert "tos_proxy_findings_raised_total" in server.get("/metrics")[1]
    assert "finding_decided" in marks(server)
