"""Who is let in to the admin API, and what a browser that was led astray may not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.admin.auth import TokenError, token
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic a-token-for-tests-only", "a-token-for-tests-only"])
async def test_without_the_token_nothing_is_told(admin: Admin, header: str) -> None:
    """Every path of the API but its description needs the token, whether it exists or not."""
    for path in ("/api/v1/exchanges", "/api/v1/principals", "/api/v1/nothing"):
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
    fronted = {"origin": "https://tos.example", "sec-fetch-site": "same-origin"}  # whose host a front has put its own for
    assert (await admin.client.post("/api/v1/principals", json={"name": "y"}, headers=fronted)).status_code == 201


async def test_a_link_from_another_site_leads_to_a_page_alone(admin: Admin) -> None:
    """An alert's link opens its page for who is signed in; what the API says, or opens and puts on record, it does not ask for."""
    headers = {"sec-fetch-site": "cross-site"}
    assert (await admin.client.get("/queue", headers=headers)).status_code == 200
    check(await admin.client.get("/api/v1/exchanges", headers=headers), 403, "foreign-origin")
    assert (await admin.client.get("/api/v1/openapi.json", headers=headers)).status_code == 200


async def test_a_body_has_a_bound(admin: Admin) -> None:
    """A body past the cap is refused, with its length announced or not."""
    check(await admin.client.post("/api/v1/principals", content=b" " * 1_100_000), 413, "body-too-large")

    async def endless() -> object:
        for _ in range(40):
            yield b" " * 65536

    answer = await admin.client.post("/api/v1/principals", content=endless(), headers={"content-type": "application/json"})
    check(answer, 422, "invalid-request")


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
