"""`/policies`: the rules in force, what each did in the last day, in force and in shadow, and backtests; `/policies/{rule}`: one of
them; `/policies/backtests/{job}`: what a draft would change.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.api.instants import instant
from proxy.admin.api.jobs import started, with_result
from proxy.admin.api.policies import MOST_TEXT, Draft
from proxy.admin.pages.forms import form_of
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.ledger import store_totals
from proxy.review import findings

TITLE = "Policies"
ADDRESS = "/policies"
LATEST = 50
BACKTESTS = 10
DAY_US = 86_400_000_000

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def listed(request: Request) -> Response:
    """All rules, by name."""
    parts = parts_of(request)
    rules = sorted(parts.in_force.rules().values(), key=lambda rule: rule.name)
    counted = await store_totals.by_rule(parts.store, parts.clock.utc_us() - DAY_US)
    jobs = [job for job in parts.jobs.page(limit=500) if job.kind == "backtest"] if parts.jobs else []
    shown: dict[str, Any] = {"rules": rules, "bundle": parts.in_force.bundle(), "counted": counted, "jobs": jobs[:BACKTESTS]}
    return page(request, "policies.html", **shown)


@router.post(ADDRESS + "/backtests")
async def begin(request: Request) -> Response:
    """Begin a backtest, by a form: a policy's text, or none (the set in force, out of shadow)."""
    form = await form_of(request)
    text = form.get("policy", "").strip()[:MOST_TEXT]
    try:
        since = instant(form["since"]) if form.get("since") else None
    except ValueError:
        raise ProblemError(422, "invalid-request", "The first day should be one like 2026-05-01.") from None
    draft = Draft.model_validate({"policies": [text] if text else [], "since": since, "enforce": "enforce" in form})
    job = started(parts_of(request), "backtest", draft.model_dump(), session_of(request).name)
    return RedirectResponse(f"{ADDRESS}/backtests/{job.id}", 303, headers={"cache-control": "no-store"})


@router.get(ADDRESS + "/backtests/{job_id}")
async def backtest(request: Request, job_id: str) -> Response:
    """How far a backtest is, and what it came to."""
    job, result = with_result(parts_of(request), "backtest", job_id)
    return page(request, "backtest.html", job=job, result=result)


@router.get(ADDRESS + "/{name:path}")
async def one(request: Request, name: str) -> Response:
    """One rule, and what was found by it."""
    parts = parts_of(request)
    rule = parts.in_force.rules().get(name)
    if rule is None:
        raise ProblemError(404, "no-such-rule", "No rule in force has this name.")
    rows, _ = await findings.page(parts.store, findings.Wanted({"rule": name}), limit=LATEST)
    return page(request, "policy.html", rule=rule, rows=rows)
