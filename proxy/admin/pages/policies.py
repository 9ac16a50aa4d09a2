"""`/policies`: the rules in force, and what each did in the last day, in force and in shadow; `/policies/{rule}`: one of them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of
from proxy.admin.problems import ProblemError
from proxy.review import findings

TITLE = "Policies"
ADDRESS = "/policies"
LATEST = 50

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """All rules, by name."""
    parts = parts_of(request)
    rules = sorted(parts.in_force.rules().values(), key=lambda rule: rule.name)
    return page(request, "policies.html", rules=rules, bundle=parts.in_force.bundle())


@router.get(ADDRESS + "/{name:path}")
async def one(request: Request, name: str) -> Response:
    """One rule, and what was found by it."""
    parts = parts_of(request)
    rule = parts.in_force.rules().get(name)
    if rule is None:
        raise ProblemError(404, "no-such-rule", "No rule in force has this name.")
    rows, _ = await findings.page(parts.store, findings.Wanted({"rule": name}), limit=LATEST)
    return page(request, "policy.html", rule=rule, rows=rows)
