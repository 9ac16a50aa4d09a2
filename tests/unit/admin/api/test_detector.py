"""What `/api/v1/detector` answers."""

from __future__ import annotations

from proxy.control.watching import shipped_weights
from proxy.ledger import review_tables
from tests.unit.admin.conftest import Admin


async def test_the_weights_in_use_are_told(admin: Admin) -> None:
    """Version, tests and every term as the file has them."""
    found = (await admin.client.get("/api/v1/detector")).json()
    weights = shipped_weights()
    assert found["version"] == weights.version
    assert found["tests"]["extraction"]["found"] == weights.extraction.bound
    assert {term["name"]: term["weight"] for term in found["terms"]} == {name: one.weight for name, one in weights.terms.items()}
    assert found["evaluation"] == []


async def test_findings_are_counted_by_the_version_that_raised_them(admin: Admin) -> None:
    """What no detector raised, and what is not decided, is not among them."""
    decided = {"a": ("1", "confirmed"), "b": ("2", "confirmed"), "c": ("2", "dismissed"), "d": ("2", ""), "e": ("", "confirmed")}
    rows = [
        {"id": f"fnd_{name}", "at": 1, "dedup_key": name, "kind": "extraction", "severity": "high", "title": ""}
        | {"state": "decided" if decision else "open", "decision": decision, "detector": version}
        for name, (version, decision) in decided.items()
    ]
    async with admin.store.write() as connection:
        await connection.execute(review_tables.findings.insert(), rows)
    found = (await admin.client.get("/api/v1/detector")).json()["evaluation"]
    assert [(one["version"], one["confirmed"], one["dismissed"], one["precision"]) for one in found] == [
        ("1", 1, 0, 1.0),
        ("2", 1, 1, 0.5),
    ]
