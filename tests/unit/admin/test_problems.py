"""Errors of the admin API: always a problem, never a traceback."""

from __future__ import annotations

import pytest

from proxy.ledger.store_errors import StoreUnavailableError
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/api/v1/exchanges/rec_none", 404, "no-such-exchange"),
        ("DELETE", "/api/v1/exchanges", 405, "method-not-allowed"),
        ("GET", "/api/v1/exchanges?limit=501", 422, "invalid-request"),
        ("GET", "/api/v1/exchanges?limit=0", 422, "invalid-request"),
        ("GET", "/api/v1/exchanges?since=yesterday", 422, "invalid-request"),
        ("GET", "/api/v1/exchanges?colour=red", 422, "invalid-request"),
        ("GET", "/api/v1/terms?on=-1", 422, "invalid-request"),
        ("GET", "/api/v1/terms?on=1969-12-31", 422, "invalid-request"),
        ("GET", "/api/v1/exchanges?cursor=!!", 400, "bad-cursor"),
        ("GET", "/api/v1/exchanges?cursor=%F0%9F%92%A9", 400, "bad-cursor"),
        ("GET", "/api/v1/principals?cursor=__", 400, "bad-cursor"),
        ("POST", "/api/v1/principals", 422, "invalid-request"),
        ("POST", "/api/v1/principals/x/rotate", 404, "no-such-principal"),
    ],
)
async def test_every_error_is_a_problem(admin: Admin, method: str, path: str, status: int, name: str) -> None:
    """Whatever is wrong with a request, the answer is RFC 9457 with a stable type."""
    check(await admin.client.request(method, path), status, name)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name": ""}',
        b'{"name": "a b"}',
        b'{"name": "x", "purposes": ["world.domination"]}',
        b'{"name": "x", "purposes": ["eval.private"], "purpose": "use.product"}',
        b'{"name": "x", "surprise": 1}',
    ],
)
async def test_a_body_that_is_not_valid_is_explained(admin: Admin, body: bytes) -> None:
    """Each wrong body is a 422 that names the place."""
    answer = await admin.client.post("/api/v1/principals", content=body, headers={"content-type": "application/json"})
    check(answer, 422, "invalid-request")
    assert answer.json()["errors"][0]["location"]


async def test_a_body_that_is_no_text_is_refused(admin: Admin) -> None:
    """Bytes that are not UTF-8 are a bad request."""
    answer = await admin.client.post("/api/v1/principals", content=b"\xff", headers={"content-type": "application/json"})
    check(answer, 400, "bad-request")


async def test_an_unexpected_error_says_nothing_of_itself(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is a 500 without its text; a database that is away is a 503 that may be tried again."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("proxy.ledger.store_exchanges.page", broken)
    answer = await admin.client.get("/api/v1/exchanges")
    check(answer, 500, "internal")
    assert "secret" not in answer.text

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailableError("the database cannot be used: gone")

    monkeypatch.setattr("proxy.ledger.store_exchanges.page", away)
    answer = await admin.client.get("/api/v1/exchanges")
    check(answer, 503, "store-unavailable")
    assert answer.headers["retry-after"] == "1"
