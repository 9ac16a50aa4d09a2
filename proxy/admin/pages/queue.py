"""`/queue`: cases that need a decision; `/cases/{id}`: one of them, with its evidence and what people did; decisions by forms.

Everything a form does is what the API does, with the same entries in the ledger. Where scripts run, htmx sends the forms and puts
the answer in the place of what it changes; where not, the browser does, and goes where the answer leads.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.api.deciding import there
from proxy.admin.pages.forms import form_of, instant
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.review import cases, dispositions, findings
from proxy.review.raised import SEVERITIES

TITLE = "Queue"
ADDRESS = "/queue"
MOST = 200
MOST_FINDINGS = 100
ME = "me"

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def queue(request: Request) -> Response:
    """What is open, the most severe first; with `?state=` what is not, with `?assignee=` whose it is (`me`: who asks)."""
    parts = parts_of(request)
    asked = request.query_params
    state, assignee = asked.get("state", ""), asked.get("assignee", "")[:128]
    states = (state,) if state in cases.STATES else ("open", "assigned")
    whose = {"assignee": session_of(request).name if assignee == ME else assignee} if assignee else {}
    rows: list[cases.Case] = []
    for one in states:
        found, _ = await cases.page(parts.store, cases.Wanted({"state": one, **whose}), limit=MOST)
        rows += found
    rows.sort(key=lambda row: (-SEVERITIES.index(row["severity"]), row["opened_at"]))
    questions, _ = await findings.page(parts.store, findings.Wanted({"kind": "question", "state": "open"}), limit=MOST_FINDINGS)
    shown: dict[str, Any] = {
        "rows": rows,
        "questions": questions,
        "states": cases.STATES,
        "state": state if len(states) == 1 else "",
    }
    again = f"{ADDRESS}?{request.url.query}" if request.url.query else ADDRESS
    return page(request, "queue.html", **shown, assignee=assignee, again=again, now=parts.clock.utc_us(), me=ME)


@router.get("/cases/{case_id}")
async def case(request: Request, case_id: str) -> Response:
    """One case, its findings, and its history."""
    parts = parts_of(request)
    with there():
        row, events = await cases.named(parts.store, case_id)
    found, _ = await findings.page(parts.store, findings.Wanted({"case_id": case_id}), limit=MOST_FINDINGS)
    found.sort(key=lambda one: (one["state"] != "open", -SEVERITIES.index(one["severity"])))
    return page(request, "case.html", case=row, findings=found, events=events, now=parts.clock.utc_us())


@router.post("/cases/{case_id}/{what}")
async def act(request: Request, case_id: str, what: str) -> Response:
    """Decide, assign, note or close, by a form."""
    parts = parts_of(request)
    form = await form_of(request)
    by, now = session_of(request).name, parts.clock.utc_us()
    with there():
        match what:
            case "decide":
                await dispositions.decide_case(parts.store, case_id, decided(form, by, now), now, parts.record)
            case "assign":
                row, _ = await cases.named(parts.store, case_id)
                due = instant(form["due"]) if "due" in form else row["due"]
                await dispositions.assign(parts.store, case_id, form.get("assignee", "")[:128], due, by, now, parts.record)
            case "note" if form.get("note"):
                await dispositions.note(parts.store, case_id, form["note"], by, now, parts.record)
            case "close":
                await dispositions.close(parts.store, case_id, by, now, parts.record)
            case _:
                raise ProblemError(404, "not-found", "Nothing of this kind can be done to a case.")
    return seen_at(form.get("back", ""), f"/cases/{case_id}")


def seen_at(back: str, address: str) -> Response:
    """Where a form's change is looked at: where the form says that it stands, if that is the queue, else at `address`."""
    there = back if back == ADDRESS or back.startswith(ADDRESS + "?") else address
    return RedirectResponse(there, 303, headers={"cache-control": "no-store"})


def decided(form: dict[str, str], by: str, now: int) -> dispositions.Disposition:
    """The decision that a form holds. Raises: ProblemError 422."""
    decision = form.get("decision", "")
    if decision not in dispositions.DECISIONS:
        raise ProblemError(422, "invalid-request", "Choose a decision.")
    until: int | None = None
    if decision == "exempt":
        until = instant(form.get("until", ""))
        if until is None:
            raise ProblemError(422, "invalid-request", "An exemption needs the day until which it holds.")
        if until <= now:
            raise ProblemError(422, "exemption-passed", "An exemption holds until a day that is still to come.")
    return dispositions.Disposition(decision, by, form.get("note", ""), until)
