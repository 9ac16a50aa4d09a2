"""Linked groups on pages: seen, tied, decided together but for some."""

from __future__ import annotations

import pytest

from proxy.ledger import store_traits
from proxy.review import findings, ties
from proxy.review.raised import Contribution, Raised
from tests.ledgers import NOON
from tests.unit.admin.conftest import Admin

HOSTILE = "<script>alert(1)</script>\u202e"
ACCOUNTS = (HOSTILE, "a2", "a3")
GROUP = "/groups/linked-1"


def _raised(account: str) -> Raised:
    nats = (Contribution("linkage", 3.0, "one work list"),)
    raised = Raised(account, "extraction", "high", account, "rec_1", "rec_2", NOON, NOON, principal=account, gathers=True)
    raised.group_key, raised.contributions, raised.detail, raised.sentences = "linked-1", nats, {"prompts": 9}, (HOSTILE,)
    return raised


@pytest.fixture
async def group(admin: Admin) -> str:
    """The case of a group of three."""
    async with admin.store.write() as connection:
        await findings.keep(connection, [_raised(account) for account in ACCOUNTS], NOON)
    await store_traits.keep(admin.store, [(account, "payment", "k1") for account in ACCOUNTS[1:]], NOON)
    return str((await admin.client.get("/api/v1/cases")).json()["items"][0]["id"])


async def _states(admin: Admin) -> dict[str, str]:
    items = (await admin.client.get("/api/v1/findings")).json()["items"]
    return {item["principal"]: item["decision"] for item in items}


async def _leave(admin: Admin, account: str) -> dict[str, str]:
    items = (await admin.client.get("/api/v1/findings")).json()["items"]
    return {"leave_1": next(item["id"] for item in items if item["principal"] == account)}


async def test_a_group_shows_its_members_and_what_ties_them(admin: Admin, group: str) -> None:
    """As a drawing and as a table, and nothing that a member is called runs."""
    assert GROUP in (await admin.client.get("/groups")).text
    text = (await admin.client.get(GROUP)).text
    assert '<svg class="graph"' in text
    assert "same payment" in text
    assert "+3.0 nats" in text
    assert "Who shares text with whom" not in text
    assert f"/cases/{group}" in text
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert (await admin.client.get("/groups/nobody")).status_code == 404


async def test_a_group_shows_who_shares_how_much_with_whom(admin: Admin, group: str) -> None:
    """As it was counted when something was found: pairs, pieces, how rare they are; in a drawing and in tables."""
    found = ties.Ties(
        [ties.Account(name, 7, 9, 0) for name in ACCOUNTS],
        [ties.Piece("3f9a1c07", 3, 21)],
        [ties.Pair(ACCOUNTS[0], "a2", 14), ties.Pair("a2", "a3", 2)],
        pieces=20,
        everyone=400,
    )
    async with admin.store.write() as connection:
        await ties.keep(connection, {"linked-1": found}, NOON)
    text = (await admin.client.get(GROUP)).text
    assert text.count('<svg class="graph"') == 2
    for told in ("14 of 20", "3f9a1c07", "3 of 3 members", "7 of 9 prompts", "397 accounts", "no member ever sent the same prompt"):
        assert told in text
    assert "<script>alert" not in text
    assert "\u202e" not in text


async def test_who_is_left_out_stays_open(admin: Admin, group: str) -> None:
    """The others are decided in one step, which is on the record; what is left is decided later, and with it the case."""
    answer = await admin.client.post(f"{GROUP}/decide", data={"decision": "confirmed", **await _leave(admin, HOSTILE)})
    assert (answer.status_code, answer.headers["location"]) == (303, GROUP)
    assert await _states(admin) == {HOSTILE: "", "a2": "confirmed", "a3": "confirmed"}
    event, told = admin.marks[-1]
    assert (event, told["findings"], told["left_out"], told["members_left_out"]) == ("case_members_decided", 2, 1, HOSTILE)
    assert (await admin.client.get(f"/api/v1/cases/{group}")).json()["state"] == "open"
    await admin.client.post(f"{GROUP}/decide", data={"decision": "dismissed"})
    assert (await _states(admin))[HOSTILE] == "dismissed"
    assert (await admin.client.get(f"/api/v1/cases/{group}")).json()["state"] == "decided"


async def test_nobody_is_decided_when_the_ledger_cannot_say_so(admin: Admin, group: str) -> None:
    """Else there would be a decision that is on no record."""
    admin.refuse = OSError("full")
    await admin.client.post(f"{GROUP}/decide", data={"decision": "confirmed", **await _leave(admin, "a2")})
    assert set((await _states(admin)).values()) == {""}
