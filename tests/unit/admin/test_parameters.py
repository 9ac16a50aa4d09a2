"""What may stand in the query of an address of the API."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from proxy.admin.app import RESOURCES
from tests.unit.admin.answers import check
from tests.unit.admin.conftest import Admin

ROUTES = [route for router in RESOURCES for route in router.routes if isinstance(route, APIRoute)]


async def test_no_route_leaves_out_a_parameter_it_does_not_know(admin: Admin) -> None:
    """A parameter that a route does not take is a 422 that names it, whatever the method."""
    for route in ROUTES:
        path = "/api/v1" + route.path.replace(":path", "").replace("{", "").replace("}", "")
        for method in route.methods:
            answer = await admin.client.request(method, path, params={"principle": "lab"})
            check(answer, 422, "invalid-request")
            assert {"location": "query.principle", "message": "There is no such parameter here"} in answer.json()["errors"], path


@pytest.mark.parametrize("query", ["limit=1&cursor=", "principal=lab&since=2026-05-01&limit=1"])
async def test_parameters_of_a_route_are_taken(admin: Admin, query: str) -> None:
    """Those of a model as well as those of a signature."""
    path = "/api/v1/standing-moves" if "principal" in query else "/api/v1/standings"
    answer = await admin.client.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["items"]) == (200, [])
