"""Who may open contents, and what of it is recorded."""

from __future__ import annotations

import pytest

from proxy.admin.openings import HOUR_US, Openings
from proxy.core.errors import LedgerUnavailableError
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin


async def test_an_opening_is_recorded_once_an_hour() -> None:
    """Per person and record; another person, record or hour is another entry."""
    marks: list[dict[str, str | int]] = []

    async def record(_event: str, detail: dict[str, str | int]) -> None:
        marks.append(detail)

    openings = Openings()
    for who, exchange, now in (("a", "1", 0), ("a", "1", HOUR_US - 1), ("b", "1", 1), ("a", "2", 1), ("a", "1", HOUR_US)):
        await openings.note(record, who, exchange, "why", now)
    assert [(mark["by"], mark["record"]) for mark in marks] == [("a", "1"), ("b", "1"), ("a", "2"), ("a", "1")]


async def program(admin: Admin, role: str) -> dict[str, str]:
    """Headers by which a program of a user with this role is known."""
    await admin.client.post("/api/v1/users", json={"name": role, "role": role})
    made = await admin.client.post("/api/v1/tokens", json={"user": role, "scopes": ["write"]})
    return {"authorization": f"Bearer {made.json()['token']}"}


@pytest.mark.parametrize(
    ("role", "reason", "closed"), [("viewer", "audit", "role"), ("reviewer", "", "reason"), ("reviewer", "case 1", None)]
)
async def test_a_content_needs_a_role_and_a_reason(admin: Admin, role: str, reason: str, closed: str | None) -> None:
    """Of an exchange and of its lines; the reason is on the record, once."""
    carrier = admin.writer.carrier([b'{"custom_id": "1"}'])
    await admin.ship()
    headers, asked = await program(admin, role), {"reason": reason} if reason else {}
    admin.marks.clear()
    whole = (await admin.client.get(f"/api/v1/exchanges/{carrier}", params=asked, headers=headers)).json()
    (line,) = (await admin.client.get(f"/api/v1/exchanges/{carrier}/lines", params=asked, headers=headers)).json()["items"]
    assert whole["content_reason"].get("request") == closed
    assert (line["content"] is None, line["content_reason"] or None) == (closed is not None, closed)
    told = [("content_opened", {"record": carrier, "by": role, "reason": reason})]
    assert admin.marks == ([] if closed else told)


async def test_nothing_is_opened_unrecorded(admin: Admin) -> None:
    """While the ledger cannot write, contents stay closed."""
    record = admin.writer.exchange(request=b"ask")
    await admin.ship()
    admin.refuse = LedgerUnavailableError("full")
    check(await admin.client.get(f"/api/v1/exchanges/{record}"), 503, "ledger-unavailable")
