"""What `/api/v1/principals` takes and answers."""

from __future__ import annotations

import hashlib

import msgspec

from proxy.core import snapshot
from proxy.core.errors import LedgerUnavailableError
from proxy.core.principal import Principal
from proxy.core.rules import Limit, Rate
from proxy.ledger import store_principals
from tests.unit.admin.conftest import Admin


async def in_force(admin: Admin) -> list[snapshot.Line]:
    entries = store_principals.snapshot_entries(await store_principals.listed(admin.store))
    return list(snapshot.lines(b"".join(entries)))


async def test_a_new_principal_gets_a_key_once(admin: Admin) -> None:
    """The key is in the answer that made it, kept as its hash, recorded, published, and never shown again."""
    answer = await admin.client.post("/api/v1/principals", json={"name": "batch", "purposes": ["eval.private"]})
    assert answer.status_code == 201
    made = answer.json()
    assert made["key"].startswith("tp_")
    assert (made["purpose"], made["source"], made["standing"]) == ("eval.private", "added", "normal")
    fingerprint = hashlib.sha256(made["key"].encode()).hexdigest()
    principal, credential = await in_force(admin)
    assert (principal.put, principal.name, credential.put, credential.name) == ("principal", "batch", "credential", fingerprint)
    assert admin.marks == [("principal_added", {"principal": "batch", "key": f"key:{fingerprint[:12]}", "purpose": "eval.private"})]
    assert admin.publications == 1
    assert made["key"] not in (await admin.client.get("/api/v1/principals")).text


async def test_a_rotated_key_ends_after_its_grace(admin: Admin) -> None:
    """Rotation gives a new key; the one before it is bounded in the snapshot, at once or after the grace."""
    await admin.client.post("/api/v1/principals", json={"name": "batch"})
    first = (await admin.client.post("/api/v1/principals/batch/rotate", json={"grace_seconds": 3600})).json()
    assert [key["until"] is None for key in first["keys"]] == [False, True]
    assert sorted(line.until is None for line in await in_force(admin) if line.put == "credential") == [False, True]
    second = (await admin.client.post("/api/v1/principals/batch/rotate")).json()
    assert second["key"] != first["key"]
    assert sum(key["until"] is None for key in second["keys"]) == 1


async def test_a_suspended_principal_can_be_resumed(admin: Admin) -> None:
    """Suspension is its standing in the snapshot until it is resumed, and both are recorded."""
    await admin.client.post("/api/v1/principals", json={"name": "batch"})
    assert (await admin.client.post("/api/v1/principals/batch/suspend")).json()["standing"] == "suspended"
    assert b'"standing":"suspended"' in bytes((await in_force(admin))[0].value)
    assert (await admin.client.post("/api/v1/principals/batch/resume")).json()["standing"] == "normal"
    assert [event for event, _ in admin.marks] == ["principal_added", "principal_suspended", "principal_resumed"]


async def test_a_change_that_cannot_be_recorded_is_not_made(admin: Admin) -> None:
    """While the ledger takes no entry, a change is refused with 503 and nothing of it is kept."""
    admin.refuse = LedgerUnavailableError("disk full")
    answer = await admin.client.post("/api/v1/principals", json={"name": "batch"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:tos-proxy:problem:ledger-unavailable")
    assert await store_principals.listed(admin.store) == []


async def test_configured_principals_are_read_only(admin: Admin) -> None:
    """They are listed beside the added ones and neither taken again nor changed."""
    for path in ("/api/v1/principals/chat/rotate", "/api/v1/principals/chat/suspend", "/api/v1/principals"):
        answer = await admin.client.post(path, json={"name": "chat"} if path.endswith("principals") else None)
        assert answer.status_code == 409, path
    await admin.client.post("/api/v1/principals", json={"name": "batch"})
    assert (await admin.client.post("/api/v1/principals", json={"name": "batch"})).status_code == 409
    assert (await admin.client.post("/api/v1/principals/nobody/suspend")).status_code == 404
    items = (await admin.client.get("/api/v1/principals")).json()["items"]
    assert [(item["name"], item["source"]) for item in items] == [
        ("batch", "added"),
        ("chat", "configured"),
        ("eval", "configured"),
    ]


async def test_principals_come_in_pages(admin: Admin) -> None:
    """Configured and added principals are merged by name over any number of pages."""
    for name in ("b1", "d2", "z3"):
        await admin.client.post("/api/v1/principals", json={"name": name})
    found: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await admin.client.get("/api/v1/principals", params=query)).json()
        found += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == ["b1", "chat", "d2", "eval", "z3"]


async def test_limits_of_its_own(admin: Admin) -> None:
    """Given with it or later, shown as they are written, in the snapshot like a configured principal's; an empty set ends them."""
    made = await admin.client.post("/api/v1/principals", json={"name": "batch", "limits": {"requests": "60/m", "concurrent": 8}})
    assert made.json()["limits"] == {"requests": "60/m", "concurrent": 8}
    entry = next(line for line in await in_force(admin) if line.put == "limit")
    assert (entry.name, msgspec.json.decode(entry.value, type=Limit)) == ("principal/batch", Limit({"requests": Rate(60, 60.0)}, 8))
    changed = await admin.client.put("/api/v1/principals/batch/limits", json={"limits": {"tokens": "50k/15m"}})
    assert changed.json()["limits"] == {"tokens": "50000/900s"}
    assert (await admin.client.get("/api/v1/principals")).json()["items"][0]["limits"] == {"tokens": "50000/900s"}
    assert (await admin.client.put("/api/v1/principals/batch/limits", json={"limits": {}})).json()["limits"] == {}
    assert all(line.put != "limit" for line in await in_force(admin))
    assert [detail.get("limits") for _, detail in admin.marks] == ["requests 60/m, concurrent 8", "tokens 50000/900s", ""]
    assert (await admin.client.put("/api/v1/principals/batch/limits", json={"limits": {"requests": "many"}})).status_code == 422
    assert (await admin.client.put("/api/v1/principals/nobody/limits", json={"limits": {}})).status_code == 404


async def test_limits_of_a_configured_principal(admin: Admin) -> None:
    """As the configuration in force has them, in the list and by name; none where it has what all have."""
    admin.sections["limit"] = {"principal/chat": Limit({"requests": Rate(60, 60.0)}, 4), "principal": Limit({}, 9)}
    items = (await admin.client.get("/api/v1/principals")).json()["items"]
    assert [item["limits"] for item in items] == [{"requests": "60/m", "concurrent": 4}, {}]
    assert (await admin.client.get("/api/v1/principals/chat")).json() == items[0]


async def test_one_principal_is_told_of_as_the_list_tells_of_it(admin: Admin) -> None:
    """How it stands included, and whatever the configuration calls it."""
    admin.change(configured=lambda: [Principal("team/lab")])
    await admin.client.post("/api/v1/standings/team/lab", json={"standing": "suspended"})
    (item,) = (await admin.client.get("/api/v1/principals")).json()["items"]
    assert item["standing"] == "suspended"
    for written in ("team/lab", "team%2Flab"):
        assert (await admin.client.get(f"/api/v1/principals/{written}")).json() == item
        assert (await admin.client.post(f"/api/v1/principals/{written}/rotate")).status_code == 409
