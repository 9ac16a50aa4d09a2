"""From the token to a session."""

from __future__ import annotations

import asyncio

import pytest

from proxy.admin.pages import sign_in
from proxy.admin.sessions import COOKIE
from proxy.ledger import store_access
from proxy.ledger.store_errors import StoreUnavailableError
from tests.unit.admin.conftest import TOKEN, Admin


async def test_whoever_has_the_token_gets_a_session_and_can_end_it(admin: Admin) -> None:
    """The cookie is no script's and comes along by a link from elsewhere, and that somebody came in is on the record."""
    del admin.client.headers["authorization"]
    away = await admin.client.get("/exchanges")
    assert (away.status_code, away.headers["location"]) == (303, "/sign-in?to=%2Fexchanges")
    came = await admin.client.post("/sign-in", data={"secret": TOKEN})
    assert came.status_code == 303
    assert {"httponly", "samesite=lax"} <= {part.strip().lower() for part in came.headers["set-cookie"].split(";")}
    assert admin.marks == [("signed_in", {"user": "admin-token", "by": "token"})]
    assert (await admin.client.get("/exchanges")).status_code == 200
    assert (await admin.client.get("/api/v1/exchanges")).status_code == 200
    cookie = admin.client.cookies[COOKIE]
    await admin.client.post("/sign-out")
    admin.client.cookies.set(COOKIE, cookie)
    assert (await admin.client.get("/exchanges")).status_code == 303


async def test_whoever_wanted_a_page_is_led_to_it(admin: Admin) -> None:
    """By way of a wrong token too; a page elsewhere, or one for signing in, is nowhere to be led to."""
    del admin.client.headers["authorization"]
    asked = await admin.client.get("/exchanges?principal=a%2Fb&since=2026-05-01", follow_redirects=True)
    wanted = "/exchanges?principal=a%2Fb&amp;since=2026-05-01"
    assert f'name="to" value="{wanted}"' in asked.text
    failed = await admin.client.post("/sign-in", data={"secret": "wrong", "to": wanted.replace("amp;", "")})
    assert f'name="to" value="{wanted}"' in failed.text
    for to, led in (
        (wanted.replace("amp;", ""), wanted.replace("amp;", "")),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/sign-in", "/"),
        ("/api/v1/exchanges", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("", "/"),
    ):
        came = await admin.client.post("/sign-in", data={"secret": TOKEN, "to": to})
        assert (came.status_code, came.headers["location"]) == (303, led), to
    again = await admin.client.get("/sign-in", params={"to": "/queue"})
    assert again.headers["location"] == "/queue"
    admin.client.cookies.clear()
    assert (await admin.client.post("/queue")).headers["location"] == "/sign-in"
    assert (await admin.client.get("/queue", headers={"hx-request": "true"})).headers["location"] == "/sign-in"


async def test_another_sites_form_signs_nobody_in_or_out(admin: Admin) -> None:
    """Also with the right token."""
    answer = await admin.client.post("/sign-in", data={"secret": TOKEN}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_guessing_is_slow(admin: Admin) -> None:
    """After some wrong tokens not even the right one is taken for a while, and the page says for how long."""
    del admin.client.headers["authorization"]
    for _ in range(sign_in.MOST_FAILURES):
        assert (await admin.client.post("/sign-in", data={"secret": "wrong"})).status_code == 401
    answer = await admin.client.post("/sign-in", data={"secret": TOKEN})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= sign_in.WINDOW_SECONDS


async def test_guesses_sent_side_by_side_are_as_slow(admin: Admin) -> None:
    """No more of them are looked at than of those sent one by one; who signs in rightly spends none."""
    del admin.client.headers["authorization"]
    for _ in range(sign_in.MOST_FAILURES + 1):
        assert (await admin.client.post("/sign-in", data={"secret": TOKEN})).status_code == 303
    tries = [admin.client.post("/sign-in", data={"name": "ada", "secret": "wrong"}) for _ in range(sign_in.MOST_FAILURES + 2)]
    told = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(told) == [401] * sign_in.MOST_FAILURES + [429] * 2


async def test_a_name_that_no_store_can_hold_is_nobodys(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL refuses a zero byte in the question itself, which would be told of as a store that is away."""

    async def refused(_store: object, name: str) -> None:
        raise StoreUnavailableError(f"invalid byte sequence in {name!r}")

    monkeypatch.setattr(store_access, "user_named", refused)
    assert (await admin.client.post("/sign-in", data={"name": "a\0b", "secret": "wrong"})).status_code == 401
