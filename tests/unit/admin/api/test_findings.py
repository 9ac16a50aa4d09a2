"""What `/api/v1/findings` and `/api/v1/digests` take and answer."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.core.errors import LedgerUnavailableError
from proxy.review import digests, findings
from proxy.review.judged import DAY_US
from proxy.review.raised import Raised
from tests.ledgers import NOON
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin


def raised(key: str, **changes: Any) -> Raised:
    """A finding about the principal `lab`."""
    made = Raised(key, "terms", "medium", "Denied", "rec_1", "rec_1", NOON, NOON, principal="lab", rule="r", gathers=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


async def keep(admin: Admin, *given: Raised, at: int = NOON) -> list[dict[str, Any]]:
    """Findings as the API shows them, newest first."""
    async with admin.store.write() as connection:
        await findings.keep(connection, given, at)
    return list((await admin.client.get("/api/v1/findings")).json()["items"])


async def decide(admin: Admin, name: str, **body: object) -> Any:
    """The answer to a decision of a finding."""
    return await admin.client.post(f"/api/v1/findings/{name}/decision", json=body)


async def test_findings_are_narrowed(admin: Admin) -> None:
    """By kind, state, severity, principal, rule, case and time, and all that are given hold."""
    question = {"kind": "question", "severity": "notice", "rule": "", "gathers": False}
    await keep(admin, raised("a"), raised("q", principal="bob", **question))
    items = await keep(admin, raised("b", rule="s"), at=NOON + 1_000_000)
    case = items[0]["case_id"]
    for query, count in {
        "kind=question": 1,
        "kind=terms&rule=r": 1,
        "principal=lab": 2,
        "severity=notice": 1,
        "state=open": 3,
        "state=decided": 0,
        f"case_id={case}": 2,
        f"since={NOON + 1}": 1,
        "since=2100-01-01": 0,
        "digest_day=1": 0,
    }.items():
        found = (await admin.client.get(f"/api/v1/findings?{query}")).json()["items"]
        assert len(found) == count, query


async def test_pages(admin: Admin) -> None:
    """Pages hold every finding once; a cursor of another's making is refused."""
    await keep(admin, *(raised(f"k{number}", principal=f"p{number}") for number in range(5)))
    seen, query = [], "?limit=2"
    while query:
        page = (await admin.client.get(f"/api/v1/findings{query}")).json()
        seen += [item["id"] for item in page["items"]]
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert len(seen) == len(set(seen)) == 5
    for path in ("findings", "digests"):
        check(await admin.client.get(f"/api/v1/{path}?cursor=!"), 400, "bad-cursor")


async def test_a_decision_is_shown_and_recorded(admin: Admin) -> None:
    """It is a mark of the ledger, stands in the finding and in its history, and names who decided."""
    (item,) = await keep(admin, raised("a", sentences=("lab asked.",), clauses=("c.1",)))
    answer = await decide(admin, item["id"], decision="confirmed", note="so it is", by="ann")
    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["state"], made["decision"], made["note"], made["sentences"]) == (
        "decided",
        "confirmed",
        "so it is",
        ["lab asked."],
    )
    assert made["decided_by"].startswith("ann (")
    assert made["events"][-1]["event"] == "finding_decided"
    ((event, detail),) = admin.marks
    assert event == "finding_decided"
    assert (detail["finding"], detail["decision"], detail["principal"]) == (item["id"], "confirmed", "lab")
    assert (await admin.client.get(f"/api/v1/findings/{item['id']}")).json() == made


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "maybe"},
        {"decision": "exempt"},
        {"decision": "dismissed", "until": "2100-01-01"},
        {"decision": "exempt", "until": "soon"},
        {"decision": "dismissed", "note": "x" * 4001},
        {"decision": "dismissed", "note": "a\0b"},
        {"decision": "dismissed", "else": 1},
    ],
)
async def test_a_decision_that_is_none(admin: Admin, body: dict[str, object]) -> None:
    """What is not a decision is refused, with what was wrong, and changes nothing."""
    (item,) = await keep(admin, raised("a"))
    check(await decide(admin, item["id"], **body), 422, "invalid-request")
    assert admin.marks == []
    assert (await keep(admin))[0]["state"] == "open"


async def test_an_exemption_has_a_date_to_come(admin: Admin) -> None:
    """One in the past is refused; one to come is kept with its date."""
    (item,) = await keep(admin, raised("a"))
    check(await decide(admin, item["id"], decision="exempt", until="1971-01-01"), 422, "exemption-passed")
    assert (await decide(admin, item["id"], decision="exempt", until="2200-01-01")).json()["until"] == 7_258_118_400_000_000


async def test_what_is_not_there(admin: Admin) -> None:
    """An unknown id is 404, an id that is none 422."""
    check(await admin.client.get("/api/v1/findings/fnd_x"), 404, "no-such-finding")
    check(await decide(admin, "fnd_x", decision="dismissed"), 404, "no-such-finding")
    check(await admin.client.get("/api/v1/findings/%00"), 422, "invalid-request")
    check(await admin.client.get("/api/v1/findings?principal=%00"), 422, "invalid-request")
    check(await admin.client.get("/api/v1/findings?kind=rumour"), 422, "invalid-request")
    check(await admin.client.get("/api/v1/findings?sort=x"), 422, "invalid-request")


async def test_a_ledger_that_takes_nothing(admin: Admin) -> None:
    """What cannot be recorded is not decided: 503, and the finding is as it was."""
    (item,) = await keep(admin, raised("a"))
    admin.refuse = LedgerUnavailableError("disk full")
    check(await decide(admin, item["id"], decision="dismissed"), 503, "ledger-unavailable")
    assert (await keep(admin))[0] == item


async def test_digests_are_listed(admin: Admin) -> None:
    """Each day's digest with its date and what it said, newest first, and the findings that it told of."""
    for day in range(3):
        at = NOON + day * DAY_US
        await keep(admin, raised(f"q{day}", kind="question", principal=f"p{day}", gathers=False), at=at)
        assert await digests.make(admin.store, at + DAY_US) is not None
    first = (await admin.client.get("/api/v1/digests?limit=2")).json()
    assert [(item["date"], item["count"]) for item in first["items"]] == [("2026-09-23", 1), ("2026-09-22", 1)]
    rest = (await admin.client.get(f"/api/v1/digests?cursor={first['next_cursor']}")).json()
    assert ([item["date"] for item in rest["items"]], rest["next_cursor"]) == (["2026-09-21"], None)
    told = (await admin.client.get(f"/api/v1/findings?digest_day={rest['items'][0]['day']}")).json()["items"]
    assert [item["principal"] for item in told] == ["p0"]
