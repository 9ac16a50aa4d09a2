"""What takes two persons."""

from __future__ import annotations

from sqlalchemy import select, update

from proxy.ledger import erasing, keyring, review_tables
from proxy.ledger.tables import content_keys
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin

PATH = "/api/v1/approvals"


async def person(admin: Admin, name: str, role: str = "admin") -> dict[str, str]:
    """Headers by which a program of this person is known."""
    await admin.client.post("/api/v1/users", json={"name": name, "role": role})
    made = await admin.client.post("/api/v1/tokens", json={"user": name, "scopes": ["write"]})
    return {"authorization": f"Bearer {made.json()['token']}"}


async def test_a_suspension_takes_two_persons(admin: Admin) -> None:
    """Who asked does not approve, nor does a token without a name; then it is in force, once, and all of it on the record."""
    ann, bob, eve = await person(admin, "ann"), await person(admin, "bob"), await person(admin, "eve", "reviewer")
    asked = {"action": "suspend", "principal": "lab", "reason": "goes on", "case_id": "case_1"}
    check(await admin.client.post(PATH, json=asked, headers=ann), 404, "no-such-case")
    case = {"id": "case_1", "subject_kind": "principal", "subject": "lab", "severity": "low", "opened_at": 1, "changed_at": 1}
    async with admin.store.write() as connection:
        await connection.execute(review_tables.cases.insert(), [case])
    admin.marks.clear()
    made = (await admin.client.post(PATH, json=asked, headers=ann)).json()
    check(await admin.client.post(PATH, json=asked, headers=bob), 409, "not-in-this-state")
    approve = f"{PATH}/{made['id']}/approve"
    check(await admin.client.post(approve, headers=ann), 409, "not-in-this-state")
    check(await admin.client.post(approve), 409, "not-a-person")
    check(await admin.client.post(approve, headers=eve), 403, "not-your-role")
    assert (await admin.client.get("/api/v1/standings")).json()["items"] == []
    for _ in range(2):
        approved = await admin.client.post(approve, json={"note": "seen"}, headers=bob)
        assert (approved.status_code, approved.json()["state"], approved.json()["decided_by"]) == (200, "approved", "bob")
    (stands,) = (await admin.client.get("/api/v1/standings")).json()["items"]
    assert (stands["principal"], stands["standing"], stands["set_by"]) == ("lab", "suspended", "bob")
    assert [event for event, _ in admin.marks][:2] == ["approval_asked", "approval_approved"]
    events = (await admin.client.get("/api/v1/cases/case_1")).json()["events"]
    assert [(event["event"], event["by"]) for event in events] == [("suspend_asked", "ann"), ("suspend_approved", "bob")]
    check(await admin.client.post(f"{PATH}/{made['id']}/reject", headers=ann), 409, "not-in-this-state")


async def test_people_do_not_suspend_alone(admin: Admin) -> None:
    """Neither way; with the admin token it is done at once."""
    ann = await person(admin, "ann")
    await admin.client.post("/api/v1/principals", json={"name": "lab"})
    for path, body in (("/api/v1/principals/lab/suspend", None), ("/api/v1/standings/lab", {"standing": "suspended"})):
        check(await admin.client.post(path, json=body, headers=ann), 409, "needs-approval")
        assert (await admin.client.post(path, json=body)).status_code == 200
    assert (await admin.client.post("/api/v1/standings/lab", json={"standing": "watched"}, headers=ann)).status_code == 200


async def test_what_is_rejected_may_be_asked_again(admin: Admin) -> None:
    """By whoever asked, too; pages go by state, newest first."""
    ann, asked = await person(admin, "ann"), {"action": "erase", "principal": "lab", "reason": "they ask for it"}
    first = (await admin.client.post(PATH, json=asked, headers=ann)).json()["id"]
    assert (await admin.client.post(f"{PATH}/{first}/reject", headers=ann)).json()["state"] == "rejected"
    second = (await admin.client.post(PATH, json=asked, headers=ann)).json()["id"]
    page = (await admin.client.get(PATH, params={"limit": 1})).json()
    assert page["items"][0]["id"] in {first, second}
    rest = (await admin.client.get(PATH, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert {page["items"][0]["id"], rest["items"][0]["id"]} == {first, second}
    found = (await admin.client.get(PATH, params={"state": "asked"})).json()["items"]
    assert [one["id"] for one in found] == [second]
    check(await admin.client.get(f"{PATH}/none"), 404, "no-such-approval")


async def test_what_is_erased_opens_never_again(admin: Admin) -> None:
    """The principal's keys are gone, others' stay, and an exchange says that it was erased."""
    record = admin.writer.exchange(principal="lab", request=b"ask")
    await admin.ship()
    digest = keyring.principal_digest("lab").hex()
    async with admin.store.write() as connection:
        await connection.execute(update(content_keys).values(principal=digest))
    assert admin.store.path is not None
    folder = admin.store.path.parent
    admin.change(erase=lambda principal: erasing.erase(admin.store, folder, principal, 7))
    ann, bob = await person(admin, "ann"), await person(admin, "bob")
    assert await erasing.erase(admin.store, folder, "other", 7) == 0
    assert (await admin.client.get(f"/api/v1/exchanges/{record}")).json()["content"]["request"] == "ask"
    asked = {"action": "erase", "principal": "lab", "reason": "they ask for it"}
    made = (await admin.client.post(PATH, json=asked, headers=ann)).json()["id"]
    assert (await admin.client.post(f"{PATH}/{made}/approve", headers=bob)).status_code == 200
    assert (await admin.client.get(f"/api/v1/exchanges/{record}")).json()["content_reason"]["request"] == "erased"
    async with admin.store.read() as connection:
        assert (await connection.execute(select(content_keys.c.destroyed_at))).scalars().all() == [7]


async def test_an_appeal_opens_its_case_again(admin: Admin) -> None:
    """The decision stays until somebody decides anew; what was said is in the history and on the record."""
    case = {"id": "case_1", "subject_kind": "principal", "subject": "lab", "severity": "low", "opened_at": 1, "changed_at": 1}
    async with admin.store.write() as connection:
        await connection.execute(
            review_tables.cases.insert(), [case | {"state": "closed", "decision": "confirmed", "closed_at": 2}]
        )
    found = (await admin.client.post("/api/v1/cases/case_1/appeal", json={"note": "we have a licence"})).json()
    assert (found["state"], found["decision"], found["closed_at"], found["reopened"]) == ("open", "confirmed", None, 1)
    assert [(event["event"], event["note"]) for event in found["events"]] == [("appealed", "we have a licence")]
    again = (await admin.client.post("/api/v1/cases/case_1/appeal", json={"note": "still"})).json()
    assert again["reopened"] == 1
    assert [event for event, _ in admin.marks] == ["case_appealed", "case_appealed"]
    check(await admin.client.post("/api/v1/cases/none/appeal", json={"note": "x"}), 404, "no-such-case")
