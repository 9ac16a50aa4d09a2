"""What `/api/v1/policies` and `/api/v1/terms` answer about what is in force, and which jobs they begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from proxy.core.jobs import Job
from proxy.core.rules import Bundle, Rule
from proxy.core.snapshot import UpstreamOptions
from proxy.core.terms import Adoption, Cell, Clause, Row
from tests.unit.admin.conftest import Admin

RULE = Rule("pack/r", "deny", title="No", match={"purpose": ("train.general",)}, clauses=("c.1",))
ROW = Row(
    "acme.api",
    "contract",
    cells={"train.general": (Cell("allow", until=1_000), Cell("forbid", starts=1_000, clauses=("c.1",)))},
    versions=((1_000, "1970-01-01"),),
    digest="ab",
)


@pytest.fixture
async def in_force(admin: Admin) -> None:
    """A rule, a row that counsel has read, and its clause."""
    admin.sections |= {
        "rule": {RULE.name: RULE},
        "terms": {ROW.id: ROW},
        "bundle": {"bundle": Bundle("0" * 64, "2026.1")},
        "adoption": {ROW.id: Adoption(ROW.id, "ab", "Zoe", 5)},
    }
    admin.clauses.append(Clause("c.1", "doc", summary="Not for that."))


@pytest.mark.usefixtures("in_force")
async def test_rules_are_counted(admin: Admin) -> None:
    """How often each counted in the last day; one that is not in force is not there."""
    admin.writer.at = admin.now()
    admin.writer.exchange(decision="deny", rules=["pack/r"])
    admin.writer.exchange(decision="allow", rules=[])
    await admin.ship()
    (found,) = (await admin.client.get("/api/v1/policies")).json()["items"]
    assert (found["name"], found["matched"], found["shadow"]) == ("pack/r", 1, 0)
    assert (await admin.client.get("/api/v1/policies/pack/r")).json()["text"] is None
    assert (await admin.client.get("/api/v1/policies/pack/other")).status_code == 404


@pytest.mark.usefixtures("in_force")
async def test_terms_are_those_of_a_day(admin: Admin) -> None:
    """A cell is the one of its time; a row has all of them, its clauses, and who has read it."""
    before = (await admin.client.get("/api/v1/terms", params={"on": 1})).json()
    after = (await admin.client.get("/api/v1/terms", params={"on": "2026-01-01"})).json()
    assert [each["items"][0]["cells"]["train.general"]["verdict"] for each in (before, after)] == ["allow", "forbid"]
    row = (await admin.client.get("/api/v1/terms/acme.api")).json()
    assert (len(row["cells"]["train.general"]), row["clauses"][0]["summary"], row["read_by"]) == (2, "Not for that.", "Zoe")
    assert (await admin.client.get("/api/v1/terms/clauses/c.1")).json()["document"] == "doc"
    for missing in ("/api/v1/terms/other", "/api/v1/terms/clauses/other"):
        assert (await admin.client.get(missing)).status_code == 404


async def test_an_explanation_is_of_one_thing(admin: Admin) -> None:
    """A record or a call, not both, not neither; what is not there is told."""
    before = {"call": {}, "on": -1}
    for body in ({}, {"record": "r", "call": {}}, {"call": {"n": "many"}}, {"call": {"on": "never"}}, before):
        assert (await admin.client.post("/api/v1/policies/explain", json=body)).status_code == 422
    admin.sections["upstream"] = {"acme": UpstreamOptions("acme", "openai", "https://acme.example")}
    nobody = (await admin.client.post("/api/v1/policies/explain", json={"call": {"upstream": "amce"}})).json()
    assert nobody["detail"] == "no upstream is named 'amce'; there are acme"
    elsewhere = {"upstream": "amce", "host": "amce.example"}
    assert (await admin.client.post("/api/v1/policies/explain", json={"call": elsewhere})).status_code == 200
    assert (await admin.client.post("/api/v1/policies/explain", json={"record": "rec_0"})).status_code == 404


@pytest.mark.usefixtures("in_force")
async def test_a_call_and_a_record_are_explained(admin: Admin) -> None:
    """By the rules in force: what matched, what the terms say, and in what the record was decided otherwise."""
    call = {"purpose": "train.general", "contract": "acme.api"}
    told = (await admin.client.post("/api/v1/policies/explain", json={"call": call, "on": "2026-01-01"})).json()
    assert (told["decision"]["effect"], told["verdict"]["verdict"]) == ("deny", "forbid")
    assert [(rule["name"], rule["state"]) for rule in told["rules"]] == [("pack/r", "matched")]
    assert told["rows"][0]["read_by"] == "Zoe"
    record = admin.writer.exchange(purpose="train.general", decision="allow", verdict="allow")
    await admin.ship()
    again = (await admin.client.post("/api/v1/policies/explain", json={"record": record})).json()
    assert again["recorded"]["decision"] == "allow"
    assert "decision: allow then, deny now" in again["differs"]


class Book:
    """Keeps what is asked for."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}

    def start(self, kind: str, asked: dict[str, Any], by: str) -> Job:
        self.jobs["job_1"] = Job("job_1", kind, by, 1, asked)
        return self.jobs["job_1"]

    def page(self, *, limit: int, after: str = "") -> list[Job]:
        return list(self.jobs.values())[:limit] if not after else []

    def named(self, job: str) -> Job:
        return self.jobs[job]

    def result(self, job: str) -> bytes | None:
        return b'{"fine": true}' if self.jobs[job].kind == "backtest" else None

    async def cancel(self, job: str) -> Job:
        return self.jobs[job]


@pytest.mark.parametrize(
    ("path", "body", "kind", "marks"),
    [
        ("/api/v1/policies/backtest", {"policies": ["kind: Policy"], "since": "2026-01-01"}, "backtest", []),
        ("/api/v1/exchanges/search", {"text": "secret", "reason": "case 1", "principal": "lab"}, "search", ["contents_searched"]),
    ],
)
async def test_long_work_is_a_job(admin: Admin, path: str, body: Mapping[str, Any], kind: str, marks: list[str]) -> None:
    """It is begun with what was asked for; a search is on the record before, without its text."""
    book = Book()
    admin.change(jobs=book)
    begun = await admin.client.post(path, json=body)
    assert (begun.status_code, begun.json()["kind"], begun.json()["by"]) == (202, kind, "admin-token")
    assert book.jobs["job_1"].asked.items() >= {name: value for name, value in body.items() if name in {"policies", "text"}}.items()
    assert [event for event, _ in admin.marks] == marks
    assert "secret" not in str(admin.marks)
    assert (await admin.client.get("/api/v1/jobs")).json()["items"][0]["id"] == "job_1"
    assert (await admin.client.get("/api/v1/jobs/job_1/result")).status_code == (200 if kind == "backtest" else 409)
    assert (await admin.client.post("/api/v1/jobs/job_1/cancel")).status_code == 200


async def test_a_backtest_of_no_time_is_refused(admin: Admin) -> None:
    """A time that ends before it begins would look as if a draft changed nothing."""
    book = Book()
    admin.change(jobs=book)
    asked = {"policies": ["kind: Policy"], "since": "2026-02-01", "until": "2026-01-01"}
    refused = await admin.client.post("/api/v1/policies/backtest", json=asked)
    assert (refused.status_code, book.jobs) == (422, {})
    assert "until should be later than since" in refused.text


async def test_what_is_searched_for_is_not_for_everybody(admin: Admin) -> None:
    """Viewers see that contents are searched, and not for what."""
    book = Book()
    admin.change(jobs=book)
    await admin.client.post("/api/v1/exchanges/search", json={"text": "secret", "reason": "case 1"})
    await admin.client.post("/api/v1/users", json={"name": "vic", "role": "viewer"})
    made = await admin.client.post("/api/v1/tokens", json={"user": "vic", "scopes": ["read"]})
    viewer = {"authorization": f"Bearer {made.json()['token']}"}
    for path in ("/api/v1/jobs", "/api/v1/jobs/job_1"):
        assert "secret" in (await admin.client.get(path)).text
        assert "secret" not in (await admin.client.get(path, headers=viewer)).text
