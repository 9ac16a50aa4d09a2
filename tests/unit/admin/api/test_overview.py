"""What `/api/v1/overview`, `/api/v1/ledger`, `/api/v1/alerts` and `/api/v1/settings` answer."""

from __future__ import annotations

from proxy.ledger import review_tables
from proxy.review.alerting import deliveries
from proxy.review.alerting.deliveries import Delivery
from tests.unit.admin.conftest import Admin


async def test_the_last_day_is_counted(admin: Admin) -> None:
    """Exchanges by what they have in common; those of days before are not among them."""
    admin.writer.at = 1_000_000
    admin.writer.exchange(principal="long-ago")
    admin.writer.at = admin.now()
    for decision in ("allow", "deny", "allow"):
        admin.writer.exchange(principal="lab", decision=decision)
    await admin.ship()
    found = (await admin.client.get("/api/v1/overview")).json()
    assert found["exchanges"] == 3
    assert found["counts"]["principal"] == [{"value": "lab", "exchanges": 3}]
    assert found["counts"]["decision"] == [{"value": "allow", "exchanges": 2}, {"value": "deny", "exchanges": 1}]
    assert (found["open_findings"], found["precision"], found["incidents"]) == ([], [], 0)


async def test_precision_is_of_what_people_decided(admin: Admin) -> None:
    """Confirmed against dismissed, by kind; what is open or only asked about says nothing yet."""
    decided = {"a": "confirmed", "b": "dismissed", "c": "confirmed", "d": "confirmed", "e": "needs_answer", "f": ""}
    rows = [
        {"id": f"fnd_{name}", "at": 1, "dedup_key": name, "kind": "terms", "severity": "low", "title": "", "decision": decision}
        | {"state": "decided" if decision else "open"}
        for name, decision in decided.items()
    ]
    async with admin.store.write() as connection:
        await connection.execute(review_tables.findings.insert(), rows)
    found = (await admin.client.get("/api/v1/overview")).json()
    assert found["precision"] == [{"kind": "terms", "confirmed": 3, "dismissed": 1, "precision": 0.75}]
    assert found["open_findings"] == [{"kind": "terms", "severity": "low", "findings": 1}]


async def test_the_ledger_tells_how_far_it_is(admin: Admin) -> None:
    """Each epoch with the last entry that is in the store."""
    admin.writer.exchange()
    await admin.ship()
    found = (await admin.client.get("/api/v1/ledger")).json()
    assert [(epoch["epoch"], epoch["seq"]) for epoch in found["epochs"]] == [(1, admin.writer.seq)]
    assert found["incidents"] == []


async def test_deliveries_come_by_pages(admin: Admin) -> None:
    """Newest first, each once; bodies are not shown."""
    await deliveries.keep(admin.store, [Delivery(f"chat:{at}", "chat", "e", at, "secret") for at in range(5)], 5)
    seen: list[int] = []
    cursor = ""
    while True:
        answer = await admin.client.get("/api/v1/alerts", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        assert "secret" not in answer.text
        seen += [item["at"] for item in answer.json()["items"]]
        if not (cursor := answer.json()["next_cursor"]):
            break
    assert seen == [4, 3, 2, 1, 0]
    assert (await admin.client.get("/api/v1/alerts?cursor=x")).status_code == 400


async def test_settings_are_there(admin: Admin) -> None:
    """Where nothing is configured there is nothing."""
    assert (await admin.client.get("/api/v1/settings")).json() == {"items": [], "next_cursor": None}
