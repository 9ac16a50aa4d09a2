"""The way of a case through the pages, without a browser."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from msgspec.structs import asdict

from proxy.ledger import store_standings
from proxy.review import approvals, findings
from proxy.review.raised import Contribution, Raised
from proxy.review.standing import Stands, placed
from tests.ledgers import NOON
from tests.unit.admin.conftest import Admin

HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
async def case(admin: Admin) -> str:
    """The address of a case about a principal with a hostile name, with one finding in it."""
    raised = Raised(
        "a",
        "terms",
        "high",
        HOSTILE,
        "rec_1",
        "rec_2",
        NOON,
        NOON,
        principal=HOSTILE,
        rule="baseline/forbidden",
        clauses=("openai.3e",),
        sentences=(HOSTILE,),
        contributions=(Contribution("volume", 2.5, HOSTILE), Contribution("repetition", -1.0, "The same set again.")),
        exculpatory=("It repeats a finite set.",),
        gathers=True,
    )
    async with admin.store.write() as connection:
        await findings.keep(connection, [raised], NOON)
    row = (await admin.client.get("/api/v1/cases")).json()["items"][0]
    return f"/cases/{row['id']}"


async def test_a_case_is_found_looked_at_decided_and_closed(admin: Admin, case: str) -> None:
    """Each step by a form, each on the record, and nothing that anybody wrote runs on the way."""
    queue = (await admin.client.get("/queue")).text
    assert case in queue
    for text in (queue, (await admin.client.get(case)).text):
        assert "<script>alert" not in text
        assert "\u202e" not in text
    for what, form in (
        ("assign", {"assignee": "ann"}),
        ("note", {"note": "asked them"}),
        ("decide", {"decision": "confirmed", "note": "they said so"}),
        ("close", {}),
    ):
        answer = await admin.client.post(f"{case}/{what}", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, case), what
    assert [event for event, _ in admin.marks] == ["case_assigned", "case_noted", "case_decided", "case_closed"]
    assert case not in (await admin.client.get("/queue")).text
    assert case in (await admin.client.get("/queue?state=closed")).text
    shown = (await admin.client.get(case)).text
    assert "asked them" in shown
    assert "confirmed" in shown


async def test_a_finding_shows_what_speaks_for_and_against(admin: Admin, case: str) -> None:
    """In sentences and nats; it is decided by a form too."""
    found = (await admin.client.get("/api/v1/findings")).json()["items"][0]["id"]
    text = (await admin.client.get(f"/findings/{found}")).text
    assert "+2.50" in text
    assert "-1.00" in text
    assert "It repeats a finite set." in text
    assert "<script>alert" not in text
    await admin.client.post(f"/findings/{found}/decide", data={"decision": "exempt", "until": "2999-01-01"})
    assert "exempt until 2999-01-01" in (await admin.client.get(f"/findings/{found}")).text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "Choose a decision."),
        ({"decision": "everything"}, "Choose a decision."),
        ({"decision": "exempt"}, "needs the day"),
        ({"decision": "exempt", "until": "2001-01-01"}, "still to come"),
        ({"decision": "dismissed", "note": "x" * 5000}, "characters"),
    ],
)
async def test_a_form_that_says_nothing_sound_changes_nothing(admin: Admin, case: str, form: dict[str, str], told: str) -> None:
    """And the page says what is wrong."""
    answer = await admin.client.post(f"{case}/decide", data=form)
    assert (answer.status_code, told in answer.text) == (422, True)
    assert admin.marks == []


async def test_what_cannot_be_done_now_is_told(admin: Admin, case: str) -> None:
    """A case that is not decided is not closed; one that is not there is not found."""
    assert (await admin.client.post(f"{case}/close")).status_code == 409
    assert (await admin.client.post("/cases/case_0/close")).status_code == 404
    assert (await admin.client.get("/cases/case_0")).status_code == 404
    assert (await admin.client.get("/findings/fnd_0")).status_code == 404
    assert (await admin.client.post(f"{case}/anything")).status_code == 404


async def test_a_case_is_taken_from_the_queue_and_keeps_its_day(admin: Admin, case: str) -> None:
    """Whoever takes it goes back to the list that they came from, and to nothing else; mine is mine."""
    await admin.client.post(f"{case}/assign", data={"assignee": "ann", "due": "2999-01-31"})
    mine = "/queue?assignee=me"
    assert case not in (await admin.client.get(mine)).text
    answer = await admin.client.post(f"{case}/assign", data={"assignee": "admin-token", "back": "/queue?state=open"})
    assert answer.headers["location"] == "/queue?state=open"
    text = (await admin.client.get(mine)).text
    assert case in text
    assert "2999-01-31" in text
    answer = await admin.client.post(f"{case}/assign", data={"assignee": "", "due": "", "back": "//elsewhere.example/queue"})
    assert answer.headers["location"] == case
    assert "2999-01-31" not in (await admin.client.get(case)).text
    assert (await admin.client.post(f"{case}/assign", data={"assignee": "ann", "due": "soon"})).status_code == 422


async def _extraction(admin: Admin) -> tuple[str, list[str]]:
    """A finding with three samples: two alike, and one that is in no store."""
    body = '{"model": "m", "messages": [{"role": "user", "content": "Make a task about %s. Keep to the format. <script>"}]}'
    samples = [admin.writer.exchange((body % topic).encode(), principal=HOSTILE) for topic in ("bees", "law")]
    await admin.ship()
    at = admin.writer.at
    raised = Raised("b", "extraction", "high", HOSTILE, samples[0], samples[1], NOON, at, principal=HOSTILE, gathers=True)
    raised.detail = {"samples": " ".join([*samples, "rec_0"]), "prompts": 40}
    async with admin.store.write() as connection:
        await findings.keep(connection, [raised], NOON)
    return (await admin.client.get("/api/v1/findings")).json()["items"][0]["id"], samples


async def test_samples_are_opened_with_a_reason_and_on_the_record(admin: Admin) -> None:
    """What they have in common is shown to who says why; each that was opened is an entry of the ledger."""
    found, samples = await _extraction(admin)
    text = (await admin.client.get(f"/findings/{found}")).text
    assert all(f"/exchanges/{sample}" in text for sample in samples)
    assert "Keep to the format" not in text
    assert '<svg class="activity"' in text
    assert (await admin.client.post(f"/findings/{found}/template", data={"reason": " "})).status_code == 422
    assert admin.marks == []
    text = (await admin.client.post(f"/findings/{found}/template", data={"reason": "is it one list?"})).text
    assert "<mark>[…]</mark> Keep to the format." in text
    assert "bees" not in text
    assert "<script> " not in text
    assert [(event, told["record"], told["reason"]) for event, told in admin.marks] == [
        ("content_opened", sample, "is it one list?") for sample in samples
    ]


async def test_a_principal_shows_how_it_stands_and_why(admin: Admin, case: str) -> None:
    """By evidence or by a person, and what was found about it; nothing that anybody wrote runs."""
    admin.writer.exchange(principal=HOSTILE, key="ab" * 32)
    await admin.ship()
    address = f"/principals/{quote(HOSTILE, safe='')}"
    assert "nothing holds it" in (await admin.client.get(address)).text
    await approvals.ask(admin.store, "suspend", HOSTILE, "", "ann", HOSTILE, NOON, admin.record)
    row = asdict(placed(Stands(HOSTILE), "watched", "ann", HOSTILE, NOON))
    async with admin.store.write() as connection:
        await store_standings.keep(connection, [row])
    text = (await admin.client.get(address)).text
    assert '<span class="chip watched">watched</span>' in text
    assert "set by <bdi>ann</bdi>" in text
    assert "waits for a second person" in text
    assert "key:abababababab" in text
    assert "/findings/fnd_" in text
    assert "<script>alert" not in text
    assert "\u202e" not in text


async def test_the_list_of_principals_says_how_they_stand(admin: Admin) -> None:
    """As gateways are told of it: in shadow nobody is slowed down, and what a person closed is closed."""
    rows = [asdict(placed(Stands("chat"), "suspended", "ann", "", NOON)), asdict(Stands("eval", "limited"))]
    async with admin.store.write() as connection:
        await store_standings.keep(connection, rows)
    named, _, held = (await admin.client.get("/principals")).text.partition('id="held"')
    assert [named.count(f'class="chip {word}"') for word in ("suspended", "watched", "limited")] == [1, 1, 0]
    assert [held.count(f'class="chip {word}"') for word in ("suspended", "watched", "limited")] == [1, 0, 1]
    assert "<td>watched</td>" in held
