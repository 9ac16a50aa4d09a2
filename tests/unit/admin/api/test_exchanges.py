"""What `/api/v1/exchanges` answers."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select, text

from proxy.core.facts import RequestFacts
from proxy.ledger import store_exchanges
from proxy.ledger.record import Content
from proxy.ledger.tables import exchanges
from tests.ledgers import NOON
from tests.unit.admin.conftest import Admin


async def listed(admin: Admin, **query: Any) -> list[str]:
    answer = await admin.client.get("/api/v1/exchanges", params=query)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_an_exchange_carries_the_fields_of_its_record(admin: Admin) -> None:
    """Names and values are those of the evidence; times come in microseconds and for people."""
    facts = RequestFacts(model="gpt-5", stream=True, flags=["media"])
    record_id = admin.writer.exchange(b"ask", b"say", facts=facts, clauses=("openai.services.3.3e",))
    await admin.ship()
    (item,) = (await admin.client.get("/api/v1/exchanges")).json()["items"]
    assert item["id"] == record_id
    assert (item["outcome"], item["upstream"], item["dialect"], item["endpoint"]) == ("completed", "openai", "openai", "chat")
    assert (item["model_requested"], item["model_returned"], item["decision"]) == ("gpt-5", "gpt-5-2026", "allow")
    assert (item["flags"], item["clauses"], item["rules"], item["stream"]) == (["media"], ["openai.services.3.3e"], [], True)
    assert item["usage"] == {"input": 3, "output": 5, "cached": 0, "reasoning": 0, "estimated": False}
    assert (item["at"], item["started"]) == (NOON + 1000, "2026-09-21T14:13:20.001000Z")


async def test_pages_hold_every_exchange_once(admin: Admin) -> None:
    """Following the cursors gives every exchange once, newest first, whatever the page size and however many share an instant."""
    made = []
    for number in range(23):
        admin.writer.at -= 1000 * (number % 2)
        intent = admin.writer.intent(f"rec_{number:032x}")
        made.append((intent.at, intent.id))
    await admin.ship()
    wanted = [record_id for _, record_id in sorted(made, reverse=True)]
    for limit in (1, 4, 23, 500):
        found: list[str] = []
        query: dict[str, Any] = {"limit": limit}
        while True:
            page = (await admin.client.get("/api/v1/exchanges", params=query)).json()
            found += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert found == wanted


@pytest.mark.parametrize(
    "asked", [{"dialect": "anthropic"}, {"principal": "p1", "upstream": "openai"}, {"purpose": "x", "decision": "allow"}]
)
async def test_pages_of_several_filters_go_on_to_the_end(
    admin: Admin, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    """However few rows one page looks at, it may be short or empty and goes on: each exchange is on one page."""
    monkeypatch.setattr(store_exchanges, "MOST_LOOKED_AT", 3)
    wanted: list[tuple[int, str]] = []
    for number in range(40):
        admin.writer.at -= 1000 * (number % 2)
        fields = {"principal": f"p{number % 3}", "upstream": ("openai", "x")[number % 2]}
        fields |= {"dialect": ("openai", "openai", "anthropic")[number // 7 % 3], "purpose": ("x", "y")[number // 5 % 2]}
        intent = admin.writer.intent(f"rec_{number:032x}", **fields)
        if all(getattr(intent, name) == value for name, value in asked.items()):
            wanted.append((intent.at, intent.id))
    await admin.ship()
    found: list[str] = []
    query: dict[str, Any] = {"limit": 4, **asked}
    while True:
        page = (await admin.client.get("/api/v1/exchanges", params=query)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == [record_id for _, record_id in sorted(wanted, reverse=True)]


@pytest.mark.parametrize("name", ["decision", "outcome"])
async def test_what_is_uncommon_is_found_by_its_own_index(admin: Admin, name: str) -> None:
    """Which holds those rows alone, and is left aside where a query does not repeat its condition word for word."""
    query = select(exchanges.c.id).where(*store_exchanges._conditions(store_exchanges.Wanted({name: "cut"}), None))
    async with admin.store.read() as connection:
        written = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {written}"))).all()
    assert f"exchanges_{name}" in str(plan)


async def test_each_filter_narrows(admin: Admin) -> None:
    """Every filter finds exactly the exchanges that have its value, together they must all hold."""
    writer = admin.writer
    plain = writer.exchange()
    fields = {
        "principal": "other",
        "upstream": "anthropic",
        "endpoint": "messages",
        "dialect": "anthropic",
        "purpose": "eval.private",
        "decision": "deny",
        "model_requested": "claude",
    }
    made = {name: writer.exchange(**{name: value}) for name, value in fields.items()}
    intent = writer.intent(writer.new_id())
    still_open = intent.id
    failed = writer.intent(writer.new_id())
    writer.outcome(failed, outcome="cut")
    await admin.ship()
    for name, value in fields.items():
        assert await listed(admin, **{name: value}) == [made[name]]
    assert await listed(admin, outcome="cut") == [failed.id]
    assert await listed(admin, outcome="open") == [still_open]
    assert len(await listed(admin, outcome="completed", decision="allow")) == 7
    assert await listed(admin, principal="other", upstream="anthropic") == []
    assert await listed(admin, until=NOON + 1500) == [plain]
    assert await listed(admin, until="2026-09-21T14:13:20.001500Z") == [plain]
    assert await listed(admin, since="2026-09-21T14:13:20.001500+00:00", outcome="open") == [still_open]


async def test_content_is_text_or_base64(admin: Admin) -> None:
    """What is UTF-8 comes as text, what is not in base64 and marked, both held against their commitments."""
    record_id = admin.writer.exchange("Grüße".encode(), b"\xff\x00")
    await admin.ship()
    found = (await admin.client.get(f"/api/v1/exchanges/{record_id}")).json()
    assert found["content"] == {
        "request": "Grüße",
        "answer": base64.b64encode(b"\xff\x00").decode(),
        "encoding": {"request": "utf-8", "answer": "base64"},
    }
    assert (found["commitments_open"], found["content_reason"]) == (True, {})
    assert found["evidence"]["intent"]["id"] == found["evidence"]["outcome"]["id"] == record_id


@pytest.mark.parametrize(("mode", "reason"), [("digests", "digests"), ("erased", "erased"), ("forged", "")])
async def test_content_that_cannot_be_shown_has_a_reason(admin: Admin, mode: str, reason: str) -> None:
    """Digests and erased content are null with a reason; bytes that do not hash to their commitment are shown as such."""
    writer = admin.writer
    intent = writer.intent(writer.new_id(), b"ask", **({"received": "0" * 64} if mode == "forged" else {}))
    writer.outcome(intent)
    if mode == "digests":
        del writer.frames[:]
        writer.seq = 0
        intent = writer.intent(intent.id, content=Content("digests", "k1"))
        writer.outcome(replace(intent), content=Content("digests", "k1"))
    await admin.ship()
    if mode == "erased":
        async with admin.store.write() as connection:
            await connection.exec_driver_sql("UPDATE content_keys SET wrapped = NULL")
    found = (await admin.client.get(f"/api/v1/exchanges/{intent.id}")).json()
    if reason:
        assert (found["content"], found["commitments_open"]) == (None, None)
        assert found["content_reason"] == {"request": reason, "answer": reason}
    else:
        assert (found["content"]["request"], found["commitments_open"]) == ("ask", False)


async def test_an_open_exchange_has_no_answer_yet(admin: Admin) -> None:
    """An exchange without its outcome shows its request, a null outcome, and why there is no answer."""
    intent = admin.writer.intent(admin.writer.new_id(), b"ask")
    await admin.ship()
    found = (await admin.client.get(f"/api/v1/exchanges/{intent.id}")).json()
    assert (found["outcome"], found["content"]["request"], found["content"]["answer"]) == (None, "ask", None)
    assert found["content_reason"] == {"answer": "open"}
