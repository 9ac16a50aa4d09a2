"""Searching contents by pages."""

from __future__ import annotations

import re

import msgspec
import pytest

from proxy.admin.pages import exchanges, principals
from proxy.core.jobs import Job
from proxy.ledger import store_principals
from tests.ledgers import NOON
from tests.unit.admin.conftest import Admin
from tests.unit.admin.one_job import OneJob

HOSTILE = "<script>alert(1)</script>\u202e"


def searching(state: str = "done") -> OneJob:
    """One search, with a hit by somebody of a hostile name."""
    hit = {"record": "rec_1", "at": NOON, "principal": HOSTILE, "upstream": "openai", "in": ["request", "answer"]}
    return OneJob(Job("job_1", "search", "ann", 1, {}), {"hits": [hit], "opened": 1, "closed": 0, "complete": False}, state)


async def test_a_search_is_begun_by_a_form_and_shows_what_it_found(admin: Admin) -> None:
    """In the exchanges that the list is of; why is on the record first; what is looked for is a text there too."""
    admin.change(jobs=searching())
    listed = (await admin.client.get("/exchanges", params={"principal": HOSTILE, "since": "2026-09-01"})).text
    assert "Search their contents" in listed
    form = {"text": HOSTILE, "reason": "case 7", "principal": "lab", "since": "2026-09-01", "until": "2026-09-02", "purpose": ""}
    begun = await admin.client.post("/exchanges/searches", data=form)
    assert (begun.status_code, begun.headers["location"]) == (303, "/exchanges/searches/job_1")
    event, told = admin.marks[-1]
    assert (event, told["reason"], told["exchanges"]) == ("contents_searched", "case 7", "principal=lab")
    assert int(told["until"]) - int(told["since"]) == 2 * 86_400_000_000
    shown = (await admin.client.get("/exchanges/searches/job_1")).text
    for each in ("/exchanges/rec_1", "request and answer", "there may be more", "2026-09-01"):
        assert each in shown
    assert "<script>alert" not in listed + shown
    assert "\u202e" not in shown
    assert (await admin.client.get("/exchanges/searches/job_2")).status_code == 404


async def test_a_search_needs_a_text_and_a_reason(admin: Admin) -> None:
    """Without them nothing is begun or recorded; while it goes on its page looks again by itself."""
    admin.change(jobs=searching("running"))
    assert (await admin.client.post("/exchanges/searches", data={"text": "ab"})).status_code == 422
    assert (await admin.client.post("/exchanges/searches", data={"text": "ab", "reason": "x", "since": "soon"})).status_code == 422
    assert admin.marks == []
    await admin.client.post("/exchanges/searches", data={"text": "ab", "reason": "x"})
    assert 'hx-trigger="load delay:1s"' in (await admin.client.get("/exchanges/searches/job_1")).text


async def test_exchanges_are_listed_by_days(admin: Admin) -> None:
    """From a day to a day, both included; the next page and the file are of the same days."""
    records = []
    for day in range(4):
        admin.writer.at = NOON + day * exchanges.DAY_US
        records.append(admin.writer.exchange())
    await admin.ship()
    asked = {"since": "2026-09-22", "until": "2026-09-23"}
    text = (await admin.client.get("/exchanges", params=asked)).text
    assert [record in text for record in records] == [False, True, True, False]
    assert "since=2026-09-22&amp;until=2026-09-23" in text
    assert (await admin.client.get("/exchanges.csv", params=asked)).text.count("rec_") == 2


async def test_principals_go_by_pages(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configured and added ones together, by name, each on one page."""
    monkeypatch.setattr(principals, "MOST_LISTED", 2)
    (chat, _) = admin.app.state.parts.configured()
    for name in ("alpha", "dora", "zulu"):
        await store_principals.add(admin.store, msgspec.structs.replace(chat, name=name), NOON, admin.record)
    found: list[str] = []
    address: str | None = "/principals"
    while address:
        text = (await admin.client.get(address)).text
        found += re.findall(r'<a href="/principals/([a-z]+)">', text)
        more = re.search(r'rel="next" href="([^"]+)"', text)
        address = more[1] if more else None
    assert found == ["alpha", "chat", "dora", "eval", "zulu"]
