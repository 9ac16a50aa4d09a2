"""What `/api/v1/cases` takes and answers."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.errors import LedgerUnavailableError
from tests.unit.admin.answers import check
from tests.unit.admin.api.test_findings import keep, raised
from tests.unit.admin.conftest import Admin


async def one_case(admin: Admin) -> str:
    """The id of a case with two findings."""
    await keep(admin, raised("a"), raised("b"))
    (item,) = (await admin.client.get("/api/v1/cases")).json()["items"]
    return str(item["id"])


async def act(admin: Admin, case: str, what: str, body: object = None) -> Any:
    """What the API answers to an act upon a case."""
    return await admin.client.post(f"/api/v1/cases/{case}/{what}", json=body)


async def test_a_case_from_its_opening_to_its_end(admin: Admin) -> None:
    """Assigned, noted, decided with its findings, closed: each step is shown, and a mark of the ledger."""
    case = await one_case(admin)
    assigned = (await act(admin, case, "assign", {"assignee": "ann", "due": "2100-01-01", "by": "boss"})).json()
    assert (assigned["state"], assigned["assignee"], assigned["due"]) == ("assigned", "ann", 4_102_444_800_000_000)
    assert (await act(admin, case, "note", {"note": "looked"})).json()["state"] == "assigned"
    decided = (await act(admin, case, "decide", {"decision": "confirmed", "by": "ann"})).json()
    assert (decided["state"], decided["open_findings"], decided["findings"]) == ("decided", 0, 2)
    closed = (await act(admin, case, "close")).json()
    assert (closed["state"], [event["event"] for event in closed["events"]]) == (
        "closed",
        ["opened", "assigned", "note", "decided", "closed"],
    )
    assert [event for event, _ in admin.marks] == ["case_assigned", "case_noted", "case_decided", "case_closed"]
    assert (await admin.client.get(f"/api/v1/cases/{case}")).json() == closed
    assert {item["state"] for item in (await admin.client.get(f"/api/v1/findings?case_id={case}")).json()["items"]} == {"decided"}


async def test_members_of_a_group_are_left_out(admin: Admin) -> None:
    """The others are decided in one step, who was left out is on the record; the case stays open until they are decided too. Of
    a name that is none of theirs nothing is decided: it may be mistyped.
    """
    found = [raised(name, principal=name) for name in ("a/1", "a2", "a3")]
    for one in found:
        one.group_key = "linked-1"
    await keep(admin, *found)
    (item,) = (await admin.client.get("/api/v1/cases")).json()["items"]
    body = {"decision": "confirmed", "leave_out": ["a/1"], "by": "ann"}
    stranger = await act(admin, item["id"], "decide", body | {"leave_out": ["a/1", "a-2"]})
    check(stranger, 422, "no-such-member")
    assert stranger.json()["detail"] == "nothing in this case is about a-2; nothing was decided"
    assert not admin.marks
    assert (await act(admin, item["id"], "decide", body)).json()["open_findings"] == 1
    assert (admin.marks[-1][0], admin.marks[-1][1]["members_left_out"]) == ("case_members_decided", "a/1")
    check(await act(admin, item["id"], "decide", body | {"leave_out": ["x"] * 1001}), 422, "invalid-request")
    assert (await act(admin, item["id"], "decide", {"decision": "dismissed"})).json()["state"] == "decided"


async def test_what_a_state_does_not_allow(admin: Admin) -> None:
    """Closing what is not decided, and deciding or assigning what is closed, is 409; a note is always taken."""
    case = await one_case(admin)
    check(await act(admin, case, "close"), 409, "not-in-this-state")
    await act(admin, case, "decide", {"decision": "dismissed"})
    await act(admin, case, "close", {"by": "ann"})
    check(await act(admin, case, "decide", {"decision": "confirmed"}), 409, "not-in-this-state")
    check(await act(admin, case, "assign", {"assignee": "x"}), 409, "not-in-this-state")
    assert (await act(admin, case, "note", {"note": "late"})).status_code == 200


async def test_cases_are_narrowed_and_paged(admin: Admin) -> None:
    """By state, severity, subject, assignee and time; a cursor of another's making is refused."""
    case = await one_case(admin)
    await act(admin, case, "assign", {"assignee": "ann"})
    await keep(admin, raised("c", principal="other", severity="high"))
    for query, count in {
        "state=assigned": 1,
        "severity=high": 1,
        "subject=lab": 1,
        "assignee=ann": 1,
        "since=2100-01-01": 0,
        "limit=1": 1,
        "": 2,
    }.items():
        assert len((await admin.client.get(f"/api/v1/cases?{query}")).json()["items"]) == count, query
    first = (await admin.client.get("/api/v1/cases?limit=1")).json()
    rest = (await admin.client.get(f"/api/v1/cases?limit=1&cursor={first['next_cursor']}")).json()
    assert {first["items"][0]["subject"], rest["items"][0]["subject"]} == {"lab", "other"}
    assert rest["next_cursor"] is None
    check(await admin.client.get("/api/v1/cases?cursor=!"), 400, "bad-cursor")


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("assign", {}),
        ("assign", {"assignee": "a\nb"}),
        ("assign", {"assignee": "ann", "due": "soon"}),
        ("decide", {"decision": "exempt"}),
        ("decide", {"decision": "exempt", "until": "1971-01-01"}),
        ("note", {"note": ""}),
        ("close", {"why": "x"}),
    ],
)
async def test_acts_that_are_none(admin: Admin, what: str, body: object) -> None:
    """What is not complete, or too late, is refused with 422, and nothing is recorded."""
    case = await one_case(admin)
    answer = await act(admin, case, what, body)
    check(answer, 422, "exemption-passed" if "1971" in str(body) else "invalid-request")
    assert admin.marks == []


@pytest.mark.parametrize(
    ("what", "body"),
    [("assign", {"assignee": "x"}), ("decide", {"decision": "dismissed"}), ("note", {"note": "x"}), ("close", None)],
)
async def test_what_is_not_there_or_cannot_be_recorded(admin: Admin, what: str, body: object) -> None:
    """An unknown case is 404; while the ledger takes no entry every act is 503 and nothing changes."""
    check(await act(admin, "case_x", what, body), 404, "no-such-case")
    check(await admin.client.get("/api/v1/cases/case_x"), 404, "no-such-case")
    case = await one_case(admin)
    if what == "close":
        await act(admin, case, "decide", {"decision": "dismissed"})
    before = (await admin.client.get(f"/api/v1/cases/{case}")).json()
    admin.refuse = LedgerUnavailableError("disk full")
    check(await act(admin, case, what, body), 503, "ledger-unavailable")
    assert (await admin.client.get(f"/api/v1/cases/{case}")).json() == before
