"""People and the tokens of their programs."""

from __future__ import annotations

import httpx2
import pytest

from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin

PASSWORD = "a long enough one"


async def _token(admin: Admin, role: str, *scopes: str) -> dict[str, str]:
    """Headers by which a program of a user with this role is known."""
    await admin.client.post("/api/v1/users", json={"name": role, "role": role})
    made = await admin.client.post("/api/v1/tokens", json={"user": role, "scopes": list(scopes or ("write",))})
    assert made.status_code == 201, made.text
    return {"authorization": f"Bearer {made.json()['token']}"}


async def test_a_person_is_added_changed_and_shut_out(admin: Admin) -> None:
    """Each change is on the record, and no password is in any answer or entry."""
    added = await admin.client.post("/api/v1/users", json={"name": "ada", "role": "reviewer", "password": PASSWORD})
    assert (added.status_code, added.json()["sign_in"]) == (201, "password")
    check(await admin.client.post("/api/v1/users", json={"name": "ada"}), 409, "user-exists")
    changed = await admin.client.patch("/api/v1/users/ada", json={"role": "admin", "disabled": True})
    assert (changed.json()["role"], changed.json()["disabled"]) == ("admin", True)
    check(await admin.client.patch("/api/v1/users/bob", json={"disabled": True}), 404, "no-such-user")
    check(await admin.client.post("/api/v1/users", json={"name": "bob", "password": "short"}), 422, "invalid-request")
    listed = await admin.client.get("/api/v1/users")
    assert [user["name"] for user in listed.json()["items"]] == ["ada"]
    assert [event for event, _ in admin.marks] == ["user_added", "user_changed"]
    assert PASSWORD not in listed.text + repr(admin.marks)
    assert "argon2" not in listed.text + repr(admin.marks)


async def test_nobody_takes_the_name_of_the_admin_token(admin: Admin) -> None:
    """Under it contents are opened without a reason and principals suspended by one person."""
    check(await admin.client.post("/api/v1/users", json={"name": "admin-token", "role": "admin"}), 409, "not-a-person")
    assert admin.marks == []


async def test_a_person_signs_in_by_password_until_shut_out(admin: Admin) -> None:
    """And sessions that were open end with it."""
    await admin.client.post("/api/v1/users", json={"name": "ada", "role": "viewer", "password": PASSWORD})
    async with httpx2.AsyncClient(transport=admin.client._transport, base_url="http://admin") as browser:
        assert (await browser.post("/sign-in", data={"name": "ada", "secret": "wrong"})).status_code == 401
        assert (await browser.post("/sign-in", data={"name": "ada", "secret": PASSWORD})).status_code == 303
        assert (await browser.get("/exchanges")).status_code == 200
        check(await browser.post("/api/v1/principals", json={"name": "x"}), 403, "not-your-role")
        await admin.client.patch("/api/v1/users/ada", json={"disabled": True})
        assert (await browser.get("/exchanges")).status_code == 303
        assert (await browser.post("/sign-in", data={"name": "ada", "secret": PASSWORD})).status_code == 401


@pytest.mark.parametrize(("role", "allowed"), [("viewer", 403), ("reviewer", 403), ("admin", 201)])
async def test_a_token_can_do_no_more_than_its_user(admin: Admin, role: str, allowed: int) -> None:
    """Whatever its scopes say."""
    headers = await _token(admin, role)
    assert (await admin.client.get("/api/v1/exchanges", headers=headers)).status_code == 200
    assert (await admin.client.post("/api/v1/principals", json={"name": "x"}, headers=headers)).status_code == allowed


async def test_a_token_can_do_no_more_than_its_scopes(admin: Admin) -> None:
    """Whatever its user may do; and no token opens a page."""
    headers = await _token(admin, "admin", "read:exchanges")
    assert (await admin.client.get("/api/v1/exchanges", headers=headers)).status_code == 200
    check(await admin.client.get("/api/v1/principals", headers=headers), 403, "out-of-scope")
    check(await admin.client.get("/exchanges", headers=headers), 403, "out-of-scope")


async def test_a_token_ends_when_it_is_revoked_or_its_time_is_over(admin: Admin) -> None:
    """Or its user is shut out."""
    headers = await _token(admin, "viewer")
    token_id = (await admin.client.get("/api/v1/tokens")).json()["items"][0]["id"]
    assert (await admin.client.post(f"/api/v1/tokens/{token_id}/revoke")).status_code == 204
    check(await admin.client.get("/api/v1/exchanges", headers=headers), 401, "unauthorized")
    check(await admin.client.post(f"/api/v1/tokens/{token_id}/revoke"), 404, "no-such-token")
    check(await admin.client.post("/api/v1/tokens", json={"user": "nobody"}), 404, "no-such-user")
    headers = await _token(admin, "viewer")
    await admin.client.patch("/api/v1/users/viewer", json={"disabled": True})
    check(await admin.client.get("/api/v1/exchanges", headers=headers), 401, "unauthorized")


async def test_tokens_go_by_pages(admin: Admin) -> None:
    """Newest first, each on one page, those of one user alone where they are asked for."""
    for _ in range(3):
        await _token(admin, "viewer")
    whole = [item["id"] for item in (await admin.client.get("/api/v1/tokens")).json()["items"]]
    found: list[str] = []
    asked = {"limit": "1", "user": "viewer"}
    while True:
        page = (await admin.client.get("/api/v1/tokens", params=asked)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert found == whole
    assert len(whole) == 3
    check(await admin.client.get("/api/v1/tokens?cursor=%21"), 400, "bad-cursor")
