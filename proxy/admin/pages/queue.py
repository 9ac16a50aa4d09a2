"""`/queue`: cases that need a decision; `/cases/{id}`: one of them, with its evidence and what people did; decisions by forms.

Everything a form does is what the API does, with the same entries in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from proxy.admin.pages.forms import form_of
from proxy.admin.pages.rendering import page
from proxy.admin.parts import parts_of, session_of
from proxy.admin.problems import ProblemError
from proxy.review import cases, dispositions, findings
from proxy.review.raised import SEVERITIES

TITLE = "Queue"
ADDRESS = "/queue"
MOST = 200
MOST_FINDINGS = 100

router = APIRouter(include_in_schema=False)


@router.get(ADDRESS)
async def queue(request: Request) -> Response:
    """What is open, the most severe first; with `?state=` what is not."""
    parts = parts_of(request)
    state = request.query_params.get("state", "")
    states = (state,) if state in cases.STATES else ("open", "assigned")
    rows: list[cases.Case] = []
    for one in states:
        found, _ = await cases.page(parts.store, cases.Wanted({"state": one}), limit=MOST)
        rows += found
    rows.sort(key=lambda row: (-SEVERITIES.index(row["severity"]), row["opened_at"]))
    questions, _ = await findings.page(parts.store, findings.Wanted({"kind": "question", "state": "open"}), limit=MOST_FINDINGS)
    return page(request, "queue.html", rows=rows, questions=questions, states=cases.STATES, state=state if len(states) == 1 else "")


@router.get("/cases/{case_id}")
async def case(request: Request, case_id: str) -> Response:
    """One case, its findings, and its history."""
    parts = parts_of(request)
    with _there():
        row, events = await cases.named(parts.store, case_id)
    found, _ = await findings.page(parts.store, findings.Wanted({"case_id": case_id}), limit=MOST_FINDINGS)
    return page(request, "case.html", case=row, findings=found, events=events, tomorrow=_tomorrow(parts.clock.utc_us()))


@router.post("/cases/{case_id}/{what}")
async def act(request: Request, case_id: str, what: str) -> Response:
    """Decide, assign, note or close, by a form."""
    parts = parts_of(request)
    form = await form_of(request)
    by, now = session_of(request).name, parts.clock.utc_us()
    with _there():
        match what:
            case "decide":
                await dispositions.decide_case(parts.store, case_id, decided(form, by, now), now, parts.record)
            case "assign":
                await dispositions.assign(parts.store, case_id, form.get("assignee", "")[:128], None, by, now, parts.record)
            case "note" if form.get("note"):
                await dispositions.note(parts.store, case_id, form["note"], by, now, parts.record)
            case "close":
                await dispositions.close(parts.store, case_id, by, now, parts.record)
            case _:
                raise ProblemError(404, "not-found", "Nothing of this kind can be done to a case.")
    return RedirectResponse(f"/cases/{case_id}", 303, headers={"cache-control": "no-store"})


def decided(form: dict[str, str], by: str, now: int) -> dispositions.Disposition:
    """The decision that a form holds. Raises: ProblemError 422."""
    decision = form.get("decision", "")
    if decision not in dispositions.DECISIONS:
        raise ProblemError(422, "invalid-request", "Choose a decision.")
    until: int | None = None
    if decision == "exempt":
        try:
            until = int(datetime.fromisoformat(form.get("until", "")).replace(tzinfo=UTC).timestamp() * 1_000_000)
        except ValueError:
            raise ProblemError(422, "invalid-request", "An exemption needs the day until which it holds.") from None
        if until <= now:
            raise ProblemError(422, "exemption-passed", "An exemption holds until a day that is still to come.")
    return dispositions.Disposition(decision, by, form.get("note", ""), until)


def _tomorrow(now: int) -> str:
    return (datetime.fromtimestamp(now / 1_000_000, UTC) + timedelta(days=1)).strftime("%Y-%m-%d")


@contextmanager
def _there() -> Iterator[None]:
    try:
        yield
    except cases.NoSuchCaseError as error:
        raise ProblemError(404, "no-such-case", str(error)) from None
    except dispositions.NotNowError as error:
        raise ProblemError(409, "not-in-this-state", str(error)) from None
