"""Every page over a store with a few exchanges, called without a browser."""

from __future__ import annotations

import re

import pytest

from proxy.admin.pages import PAGES, principals
from proxy.core.rules import Limit, Rate
from proxy.review import findings
from proxy.review.raised import Raised
from tests.ledgers import NOON
from tests.unit.admin.conftest import Admin

HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
async def records(admin: Admin) -> list[str]:
    """Ids of two exchanges, one of them hostile wherever a client has a say."""
    made = []
    for _ in range(2):
        admin.writer.exchange(principal=HOSTILE, model_requested=HOSTILE, agent=HOSTILE, upstream="openai")
    await admin.ship()
    page = await admin.client.get("/api/v1/exchanges")
    made = [item["id"] for item in page.json()["items"]]
    assert made
    return made


async def test_every_page_says_so_when_there_is_nothing(admin: Admin) -> None:
    """No page fails on an empty ledger, and the first tells how to point a client here."""
    for page in PAGES:
        answer = await admin.client.get(page.ADDRESS)
        assert answer.status_code == 200, page.ADDRESS
    assert "OPENAI_BASE_URL" in (await admin.client.get("/")).text


async def test_pages_run_nothing_that_a_client_wrote(admin: Admin, records: list[str]) -> None:
    """Not as markup, nor as a mark that turns the text; and a browser is told to load and run only what is ours."""
    addresses = [page.ADDRESS for page in PAGES] + [f"/exchanges/{records[0]}", "/exchanges?principal=%3Cscript%3E"]
    for address in addresses:
        answer = await admin.client.get(address)
        assert answer.status_code == 200, address
        assert "<script>alert" not in answer.text
        assert "\u202e" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", answer.text)
        assert not re.search(r"\son[a-z]+=|style=", answer.text)


async def test_opening_a_content_is_on_the_record(admin: Admin, records: list[str]) -> None:
    """The page without it says nothing of it; to open it is a change, and leaves an entry."""
    assert "Open the content" in (await admin.client.get(f"/exchanges/{records[0]}")).text
    assert (await admin.client.post(f"/exchanges/{records[0]}/content")).status_code == 200
    assert admin.marks == [("content_opened", {"record": records[0], "by": "admin-token"})]


async def test_the_address_of_an_opened_content_opens_nothing(admin: Admin, records: list[str]) -> None:
    """A browser that asks for it again, as a bookmark would, is led to the exchange, and nothing is on record."""
    answer = await admin.client.get(f"/exchanges/{records[0]}/content")
    assert (answer.status_code, answer.headers["location"], admin.marks) == (303, f"/exchanges/{records[0]}", [])


async def test_a_content_can_be_had_as_bytes(admin: Admin) -> None:
    """To keep, for no browser to show; with a reason, and on the record. What there is not is no error of ours."""
    name = admin.writer.exchange(b"\xff<script>", b"\xfe")
    await admin.ship()
    answer = await admin.client.post(f"/exchanges/{name}/content/request", data={"reason": "for counsel"})
    assert answer.content == b"\xff<script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert admin.marks == [("content_opened", {"record": name, "by": "admin-token", "reason": "for counsel"})]
    assert (await admin.client.post(f"/exchanges/{name}/content/other")).status_code == 404


async def test_lines_and_turns_are_shown_with_their_exchange(admin: Admin) -> None:
    """The first of them; what a line says only once the content is opened."""
    carrier = admin.writer.carrier([f'{{"n": "secret {number} {HOSTILE}"}}'.encode() for number in range(60)])
    session = admin.writer.session([b"said"])
    await admin.ship()
    text = (await admin.client.get(f"/exchanges/{carrier}")).text
    assert "The first 50 of 60 queries" in text
    assert "secret" not in text
    assert 'id="turn-2"' in (await admin.client.get(f"/exchanges/{session}")).text
    text = (await admin.client.post(f"/exchanges/{carrier}/content", data={"reason": "why"})).text
    assert "secret 49" in text
    assert "<script>alert" not in text
    assert "\u202e" not in text


async def test_half_a_letter_breaks_no_page(admin: Admin) -> None:
    """JSON can hold one, what is sent to a browser cannot."""
    name = admin.writer.exchange(b'{"a": "\\ud800"}', b'"\\udfff"')
    await admin.ship()
    answer = await admin.client.post(f"/exchanges/{name}/content", data={"reason": "why"})
    assert answer.status_code == 200
    assert "U+D800" in answer.text


async def test_the_overview_says_what_waits(admin: Admin, records: list[str]) -> None:
    """The most severe first, and whether the ledger is sound."""
    raised = [Raised(name, "terms", name, f"A {name} one", records[0], records[0], NOON, NOON) for name in ("low", "high")]
    async with admin.store.write() as connection:
        await findings.keep(connection, raised, NOON)
    text = (await admin.client.get("/")).text
    assert 0 < text.index("A high one") < text.index("A low one")
    assert "sound so far" in text


async def test_what_is_not_there_is_told_on_a_page(admin: Admin) -> None:
    """A person gets words, a program a problem."""
    for address in ("/exchanges/rec_0", "/principals/nobody", "/nothing"):
        answer = await admin.client.get(address)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    assert (await admin.client.get("/api/v1/nothing")).headers["content-type"] == "application/problem+json"


async def test_the_chart_has_a_figure_for_every_hour(admin: Admin) -> None:
    """Also where nothing happened."""
    chart = (await admin.client.get("/chart/traffic")).json()
    assert len(chart["hours"]) == 25
    assert {len(figures) for figures in chart["series"].values()} == {25}


async def test_pages_are_drawn_with_what_is_here(admin: Admin) -> None:
    """Files are served with a type that cannot be mistaken, and only files."""
    answer = await admin.client.get("/static/pages.css", headers={"authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await admin.client.get("/static/../app.py")).status_code == 404


async def test_the_page_of_a_principal_has_its_limits(admin: Admin) -> None:
    """Its own, or that it has what all have."""
    assert "<dt>Limits</dt><dd>what all have</dd>" in (await admin.client.get("/principals/chat")).text
    admin.sections["limit"] = {"principal/chat": Limit({"input_tokens": Rate(60, 60.0)}, 4)}
    assert "<dt>Limits</dt><dd>60/m input tokens, 4 concurrent</dd>" in (await admin.client.get("/principals/chat")).text


async def test_who_does_not_stand_as_everybody_does_is_listed(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever named it, a page after the other; and that it is nobody."""
    assert "<p>Nobody." in (await admin.client.get("/principals")).text
    for name in ("key:00aa", "key:<b>"):
        await admin.client.post(f"/api/v1/standings/{name}", json={"standing": "limited", "by": "ann"})
    monkeypatch.setattr(principals, "MOST_HELD", 1)
    first = (await admin.client.get("/principals")).text
    assert ("key:00aa" in first, "key:&lt;b&gt;" in first) == (True, False)
    more = first.partition('rel="next" href="')[2].partition("#")[0]
    second = (await admin.client.get(more)).text
    assert ("key:00aa" in second, "key:&lt;b&gt;" in second, "ann" in second) == (False, True, True)
    assert "key:00aa" in (await admin.client.get("/principals?held=x")).text
