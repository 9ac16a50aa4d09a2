"""What `/api/v1/exchanges/{id}/turns` answers, and what a session shows of itself."""

from __future__ import annotations

from tests.unit.admin.conftest import Admin


async def test_a_session_counts_its_turns_and_shows_what_both_sides_sent(admin: Admin) -> None:
    """Its request is what the client said after the handshake, and opens; other exchanges have no turns."""
    session, plain = admin.writer.session([b"one ", b"two"], b"frames"), admin.writer.exchange()
    await admin.ship()
    shown = (await admin.client.get(f"/api/v1/exchanges/{session}")).json()
    assert (shown["turns"], shown["content"]["request"], shown["content"]["answer"]) == (2, "one two", "frames")
    assert shown["commitments_open"] is True
    assert (await admin.client.get(f"/api/v1/exchanges/{plain}")).json()["turns"] == 0
    assert (await admin.client.get(f"/api/v1/exchanges/{plain}/turns")).json() == {"items": [], "next_cursor": None}


async def test_turns_are_paged(admin: Admin) -> None:
    """In their order, with usage and outcome."""
    session = admin.writer.session([b"said"])
    await admin.ship()
    first = (await admin.client.get(f"/api/v1/exchanges/{session}/turns", params={"limit": 1})).json()
    assert [(turn["number"], turn["outcome"], turn["usage"]["input"]) for turn in first["items"]] == [(1, "completed", 3)]
    query = {"limit": 1, "cursor": first["next_cursor"]}
    last = (await admin.client.get(f"/api/v1/exchanges/{session}/turns", params=query)).json()
    assert ([(turn["number"], turn["outcome"]) for turn in last["items"]], last["next_cursor"]) == ([(2, None)], None)


async def test_what_is_not_there_and_what_makes_no_sense_are_problems(admin: Admin) -> None:
    """404 and 400, as everywhere."""
    session = admin.writer.session([b"said"])
    await admin.ship()
    assert (await admin.client.get(f"/api/v1/exchanges/rec_{0:032x}/turns")).status_code == 404
    assert (await admin.client.get(f"/api/v1/exchanges/{session}/turns", params={"cursor": "x"})).status_code == 400
