"""What decisions have in common over the API: their body, who made them, and the shapes of what happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import Path, Request
from pydantic import BaseModel, BeforeValidator, Field, model_validator

from proxy.admin.api.instants import instant
from proxy.admin.parts import AdminParts, session_of
from proxy.admin.problems import ProblemError
from proxy.review import cases, dispositions
from proxy.review.dispositions import Disposition

MOST_NOTE = 4000
Words = Annotated[str, Field(max_length=MOST_NOTE, pattern=r"^[^\x00]*$")]
Person = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Instant = Annotated[int, BeforeValidator(instant), Field(ge=0, le=2**53)]
"""Microseconds since 1970 UTC, or a date or time by ISO 8601."""

Id = Annotated[str, Path(max_length=128, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(max_length=512, pattern=r"^[^\x00]*$")]
"""What rows are found by: anything but a zero byte, which PostgreSQL has no text for."""

Decision = Literal["dismissed", "confirmed", "exempt", "needs_answer"]


class Act(BaseModel):
    """Something a person does. `by` is who they say they are; who they are known to be stands beside it."""

    model_config = {"extra": "forbid"}

    by: Person = ""


class Decide(Act):
    """A decision. `until` is needed for `exempt` and for nothing else: microseconds since 1970 UTC, or ISO 8601. The note goes into
    the ledger, where nothing is erased: it names no content of an exchange.
    """

    decision: Decision
    note: Words = ""
    until: Instant | None = Field(None, description="µs since 1970, or ISO 8601")

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {
            "examples": [
                {"decision": "needs_answer", "note": "asked by mail", "by": "ann"},
                {"decision": "exempt", "until": "2027-01-31", "note": "licence under negotiation"},
            ]
        },
    }

    @model_validator(mode="after")
    def _until_of_an_exemption(self) -> Decide:
        if (self.until is None) == (self.decision == "exempt"):
            raise ValueError("until is given with exempt, and only then")
        return self


class Event(BaseModel):
    """Something that happened to a case or a finding. `by` is empty for what the proxy did itself; a note is the event `note`."""

    at: int
    event: str
    case_id: str
    finding_id: str
    by: str
    note: str
    detail: dict[str, Any]


def who(request: Request, act: Act) -> str:
    """Who acts: the session's name, and what they call themselves besides."""
    name = session_of(request).name
    return f"{act.by} ({name})" if act.by and act.by != name else name


def disposition(parts: AdminParts, request: Request, decide: Decide) -> Disposition:
    """What is decided, and by whom. Raises: ProblemError 422 for an exemption that has passed already."""
    if decide.until is not None and decide.until <= parts.clock.utc_us():
        raise ProblemError(422, "exemption-passed", "An exemption holds until a time that is still to come.")
    return Disposition(decide.decision, who(request, decide), decide.note, decide.until)


@contextmanager
def there() -> Iterator[None]:
    """Problems of a case that is not there, or in no state for this."""
    try:
        yield
    except cases.NoSuchCaseError as error:
        raise ProblemError(404, "no-such-case", str(error)) from None
    except dispositions.NotNowError as error:
        raise ProblemError(409, "not-in-this-state", str(error)) from None
    except dispositions.NoSuchMemberError as error:
        raise ProblemError(422, "no-such-member", str(error)) from None
