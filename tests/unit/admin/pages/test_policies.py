"""Pages of rules and backtests, and why an exchange was decided as it was."""

from __future__ import annotations

import pytest

from proxy.core.jobs import Job
from proxy.core.rules import Rule
from proxy.core.terms import Adoption, Cell, Clause, Models, Row
from proxy.ledger.record import Versions
from tests.unit.admin.conftest import Admin
from tests.unit.admin.one_job import OneJob

HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
async def book(admin: Admin) -> OneJob:
    """One backtest, whose result has hostile names in it."""
    example = {"record": "rec_1", "at": 1, "principal": HOSTILE, "purpose": "p", "from": "allow", "to": "deny", "rules": [HOSTILE]}
    rule = {"rule": HOSTILE, "effect": "deny", "mode": "shadow", "in_force": 0, "draft": 1}
    found = {"changed": 1, "queries": 4, "changes": [{"from": "allow", "to": "deny", "queries": 1}], "rules": [rule]}
    made = OneJob(Job("job_1", "backtest", HOSTILE, 1, {}), found | {"examples": [example]})
    admin.change(jobs=made)
    return made


async def test_a_backtest_is_begun_and_shown(admin: Admin, book: OneJob) -> None:
    """By a form; what it came to is a text, whatever principals and rules are called."""
    assert "Look again" in (await admin.client.get("/policies/backtests/job_1")).text
    begun = await admin.client.post("/policies/backtests", data={"policy": "kind: Policy", "since": "2026-05-01", "enforce": "on"})
    assert (begun.status_code, begun.headers["location"]) == (303, "/policies/backtests/job_1")
    assert (book.job.asked["policies"], book.job.asked["enforce"]) == (["kind: Policy"], True)
    for address in ("/policies", "/policies/backtests/job_1"):
        told = (await admin.client.get(address)).text
        assert "<script>alert" not in told
        assert "\u202e" not in told
    assert "would be decided otherwise" in (await admin.client.get("/policies/backtests/job_1")).text
    assert (await admin.client.get("/policies/backtests/other")).status_code == 404
    assert (await admin.client.post("/policies/backtests", data={"since": "soon"})).status_code == 422


async def test_an_exchange_says_why_and_what_training_would_be(admin: Admin) -> None:
    """Rules with what matched, and the terms for training with clause, date and who has read them."""
    cells = {"train.general": (Cell("forbid", starts=86_400_000_000, clauses=("c.1",)),)}
    row = Row("acme.api", "contract", cells=cells, digest="ab")
    admin.sections |= {
        "rule": {"pack/r": Rule("pack/r", "deny", when="n > 0"), "pack/other": Rule("pack/other", "deny", match={"model": ("x",)})},
        "terms": {row.id: row},
        "models": {"models": Models()},
        "adoption": {row.id: Adoption(row.id, "ab", "Zoe", 5)},
    }
    admin.clauses.append(Clause("c.1", "doc", summary="Not for that."))
    record = admin.writer.exchange(purpose="use.product", host="api.acme.test", versions=Versions(contract="acme.api"))
    await admin.ship()
    told = (await admin.client.get(f"/exchanges/{record}")).text
    assert "As training" in told
    assert "since 1970-01-02" in told
    assert "Not for that." in told
    assert "read by Zoe" in told
    assert "1 of 2 matched" in told
    assert "Otherwise than was recorded" in told
