"""Errors of the admin API: always a problem, never a traceback; and who is let in."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from proxy.admin.auth import TokenError, token
from proxy.ledger.store_errors import StoreUnavailableError
from tests.unit.admin.conftest import Admin


def check(answer: httpx2.Response, status: int, name: str) -> None:
    """The answer is this problem."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == (f"urn:tos-proxy:problem:{name}", status)
    assert "Traceback" not in answer.text


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
        ("GET", "/api/v1/exchanges?cursor=!!", 400, "bad-cursor"),
        ("GET", "/api/v1/exchanges?cursor=%F0%9F%92%A9", 400, "bad-cursor"),
        ("GET", "/api/v1/principals?cursor=__", 400, "bad-cursor"),
        ("POST", "/api/v1/principals", 422, "invalid-request"),
        ("POST", "/api/v1/principals/x/rotate?y", 404, "no-such-principal"),
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


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic a-token-for-tests-only", "a-token-for-tests-only"])
async def test_without_the_token_nothing_is_told(admin: Admin, header: str) -> None:
    """Every path but the description needs the token, whether it exists or not."""
    for path in ("/api/v1/exchanges", "/api/v1/principals", "/nothing"):
        answer = await admin.client.get(path, headers={"authorization": header})
        check(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await admin.client.get("/api/v1/openapi.json", headers={"authorization": ""})).status_code == 200


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}])
async def test_another_sites_page_cannot_change_anything(admin: Admin, headers: dict[str, str]) -> None:
    """A change with a foreign origin is refused, also with the token; from our own page it is taken."""
    check(await admin.client.post("/api/v1/principals", json={"name": "x"}, headers=headers), 403, "foreign-origin")
    own = {"origin": "http://admin", "sec-fetch-site": "same-origin"}
    assert (await admin.client.post("/api/v1/principals", json={"name": "x"}, headers=own)).status_code == 201


async def test_a_body_has_a_bound(admin: Admin) -> None:
    """A body past the cap is refused, with its length announced or not."""
    check(await admin.client.post("/api/v1/principals", content=b" " * 1_100_000), 413, "body-too-large")

    async def endless() -> object:
        for _ in range(40):
            yield b" " * 65536

    answer = await admin.client.post("/api/v1/principals", content=endless(), headers={"content-type": "application/json"})
    check(answer, 422, "invalid-request")


async def test_the_description_is_complete(admin: Admin) -> None:
    """OpenAPI names every route, its answer's fields, its problems, and the token."""
    described = (await admin.client.get("/api/v1/openapi.json")).json()
    assert set(described["paths"]) == {
        "/api/v1/exchanges",
        "/api/v1/exchanges/{id}",
        "/api/v1/principals",
        "/api/v1/principals/{name}/rotate",
        "/api/v1/principals/{name}/suspend",
        "/api/v1/principals/{name}/resume",
    }
    for path in described["paths"].values():
        for route in path.values():
            assert route["summary"]
            assert route["description"]
            assert route["security"] == [{"HTTPBearer": []}]
            assert {"401", "422", "500", "503"} <= set(route["responses"])
            assert "application/problem+json" in route["responses"]["401"]["content"]
    assert "outcome" in described["components"]["schemas"]["Exchange"]["properties"]


def test_a_token_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """The file is 0600 and kept; a given token wins; a file that others can read is refused."""
    path = tmp_path / "admin.token"
    made, fresh = token(path)
    assert (fresh, len(made) >= 32, path.stat().st_mode & 0o777) == (True, True, 0o600)
    assert token(path) == (made, False)
    assert token(path, "given-by-environment") == ("given-by-environment", False)
    path.chmod(0o644)
    with pytest.raises(TokenError, match="chmod 600"):
        token(path)
