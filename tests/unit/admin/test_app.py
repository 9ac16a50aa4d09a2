"""The admin application as a whole."""

from __future__ import annotations

from tests.unit.admin.conftest import Admin

PATHS = {
    "/api/v1/overview",
    "/api/v1/exchanges",
    "/api/v1/exchanges/search",
    "/api/v1/policies",
    "/api/v1/policies/{name}",
    "/api/v1/policies/explain",
    "/api/v1/policies/backtest",
    "/api/v1/jobs",
    "/api/v1/jobs/{id}",
    "/api/v1/jobs/{id}/result",
    "/api/v1/jobs/{id}/cancel",
    "/api/v1/terms",
    "/api/v1/terms/{row}",
    "/api/v1/terms/clauses/{id}",
    "/api/v1/terms/adoptions",
    "/api/v1/ledger",
    "/api/v1/alerts",
    "/api/v1/settings",
    "/api/v1/exchanges/{id}",
    "/api/v1/exchanges/{id}/lines",
    "/api/v1/exchanges/{id}/turns",
    "/api/v1/findings",
    "/api/v1/findings/{id}",
    "/api/v1/findings/{id}/decision",
    "/api/v1/detector",
    "/api/v1/digests",
    "/api/v1/cases",
    "/api/v1/cases/{id}",
    "/api/v1/cases/{id}/assign",
    "/api/v1/cases/{id}/decide",
    "/api/v1/cases/{id}/note",
    "/api/v1/cases/{id}/appeal",
    "/api/v1/cases/{id}/close",
    "/api/v1/principals",
    "/api/v1/principals/{name}",
    "/api/v1/principals/{name}/limits",
    "/api/v1/principals/{name}/rotate",
    "/api/v1/principals/{name}/suspend",
    "/api/v1/principals/{name}/resume",
    "/api/v1/standings",
    "/api/v1/standings/{principal}",
    "/api/v1/standing-moves",
    "/api/v1/traits",
    "/api/v1/approvals",
    "/api/v1/approvals/{id}",
    "/api/v1/approvals/{id}/approve",
    "/api/v1/approvals/{id}/reject",
    "/api/v1/users",
    "/api/v1/users/{name}",
    "/api/v1/tokens",
    "/api/v1/tokens/{token_id}/revoke",
}


async def test_the_description_is_complete(admin: Admin) -> None:
    """OpenAPI names every route, its answer's fields, its problems, and the token."""
    described = (await admin.client.get("/api/v1/openapi.json")).json()
    assert set(described["paths"]) == PATHS
    for path in described["paths"].values():
        for route in path.values():
            assert route["summary"]
            assert route["description"]
            assert route["security"] == [{"HTTPBearer": []}]
            assert {"401", "422", "500", "503"} <= set(route["responses"])
            assert "application/problem+json" in route["responses"]["401"]["content"]
    assert "outcome" in described["components"]["schemas"]["Exchange"]["properties"]
    for path in described["paths"].values():
        for route in path.values():
            answers = [answer for status, answer in route["responses"].items() if status.startswith("2") and "content" in answer]
            told = [*answers, *([route["requestBody"]] if "requestBody" in route else [])]
            media = [each for one in told for each in one["content"].values()]
            assert all("example" in each or "examples" in each for each in media), route["operationId"]
