"""`/api/v1/policies`: the rules in force and what each did in the last day, one rule with its text and tests; why a call is decided
as it is (`explain`); what a draft would have decided about recorded traffic (`backtest`, a job).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, BeforeValidator, Field, JsonValue, model_validator

from proxy.admin.api.instants import instant
from proxy.admin.api.jobs import EXAMPLE as JOB
from proxy.admin.api.jobs import Job, started
from proxy.admin.parts import AdminParts, parts_of, session_of
from proxy.admin.problems import ProblemError, responses
from proxy.core import rules
from proxy.core.errors import TosProxyError
from proxy.ledger import store_totals

router = APIRouter(tags=["policies"])

Parts = Annotated[AdminParts, Depends(parts_of)]
DAY_US = 86_400_000_000
MOST_TEXT = 256 * 1024

Instant = Annotated[
    Annotated[int, Field(ge=0, le=2**53)] | None, BeforeValidator(instant), Field(description="µs since 1970, or ISO 8601")
]
Plain = Annotated[str, Field(max_length=512, pattern=r"^[^\x00]*$")]

_RULE: dict[str, JsonValue] = {
    "name": "baseline/declared-purpose",
    "title": "Declared purpose against terms",
    "effect": "deny",
    "mode": "enforce",
    "rollout": 100,
    "owner": "compliance",
    "source": "policies/packs/baseline/declared-purpose.yaml",
    "match": {"terms.verdict": ["forbid"]},
    "when": "",
    "on_error": "",
    "clauses": [],
    "obligations": [],
    "message": "",
    "matched": 4,
    "shadow": 0,
}


class Rule(BaseModel):
    """A rule in force. `match`: by name, the values of which one must hold. `matched`: exchanges of the last day for which it
    counted, `shadow`: findings that it raised in shadow since then.
    """

    name: str
    title: str
    effect: Literal["allow", "flag", "throttle", "deny"]
    mode: Literal["shadow", "enforce"]
    rollout: int
    owner: str
    source: str
    match: dict[str, list[str]]
    when: str
    on_error: str
    clauses: list[str]
    obligations: list[str]
    message: str
    matched: int
    shadow: int


class Policies(BaseModel):
    """All rules by name. `bundle` is the digest of rules and terms together, `packs` their versions."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "bundle": "8ea42466a5147082",
                    "terms": "2026.11.22",
                    "packs": {"baseline": "1.0.0"},
                    "items": [_RULE],
                    "next_cursor": None,
                }
            ]
        }
    }

    bundle: str
    terms: str
    packs: dict[str, str]
    items: list[Rule]
    next_cursor: None = None


class Whole(Rule):
    """A rule and, where its files are at hand, the text of its policy and of its tests; null where they are not."""

    model_config = {
        "json_schema_extra": {"examples": [_RULE | {"text": "apiVersion: tos-proxy/v1\nkind: Policy\n", "tests": None}]}
    }

    text: str | None
    tests: str | None


class Ask(BaseModel):
    """A recorded call (`record`), or one described by the names of expressions (`call`), at a time (`on`), if another than its
    own, or now.
    """

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {
            "examples": [
                {"record": "rec_019a0b1c2d3e4f5061728394a5b6c7d8"},
                {"call": {"upstream": "openai", "model": "gpt-5", "purpose": "train.general", "n": 5}},
            ]
        },
    }

    record: str | None = Field(None, max_length=128, pattern=r"^[^\x00]*$")
    call: dict[str, Any] | None = None
    on: Instant = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Ask:
        if (self.record is None) == (self.call is None):
            raise ValueError("give either record or call")
        return self


class Explanation(BaseModel):
    """Why a call is decided as it is, by the set in force: as `tos-proxy policy explain --json` prints it. `differs` tells in what
    today's decision is another than the recorded one.
    """

    model_config = {
        "extra": "allow",
        "json_schema_extra": {
            "examples": [
                {
                    "call": {"upstream": "openai", "purpose": "train.general"},
                    "verdict": {"verdict": "forbid", "basis": "prohibition", "clauses": ["openai.services.3.3e"]},
                    "decision": {"effect": "deny", "rules": ["baseline/declared-purpose"]},
                    "rules": [{"name": "baseline/declared-purpose", "state": "matched", "effect": "deny", "why": ""}],
                    "rows": [{"row": "openai.services", "verdict": "forbid", "read_by": "J. Doe"}],
                    "bundle": {"digest": "8ea42466a5147082"},
                    "recorded": None,
                    "differs": [],
                }
            ]
        },
    }

    call: dict[str, Any]
    verdict: dict[str, Any]
    decision: dict[str, Any]
    rules: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    bundle: dict[str, Any]
    recorded: dict[str, Any] | None = None
    differs: list[str] = []


class Draft(BaseModel):
    """A draft and the traffic to try it on. `policies`: texts of policies (YAML), laid over the set in force; `enforce` takes them
    out of shadow and roll-out, `alone` makes them the whole set. `terms`: a version to judge by.
    """

    model_config = {
        "extra": "forbid",
        "json_schema_extra": {
            "examples": [{"policies": ["apiVersion: tos-proxy/v1\nkind: Policy\n…"], "since": "2026-10-01", "enforce": True}]
        },
    }

    policies: list[Annotated[str, Field(max_length=MOST_TEXT)]] = Field([], max_length=100)
    terms: str | None = Field(None, pattern=r"^[0-9][0-9A-Za-z.+-]{0,31}$")
    since: Instant = None
    until: Instant = None
    principals: list[Plain] = Field([], max_length=1000)
    upstreams: list[Plain] = Field([], max_length=100)
    enforce: bool = False
    alone: bool = False
    examples: int = Field(3, ge=0, le=100, description="of each kind of change")

    @model_validator(mode="after")
    def _some_time(self) -> Draft:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("until should be later than since")
        return self


@router.get("/policies", responses=responses())
async def list_policies(parts: Parts) -> Policies:
    """The rules in force."""
    counted = await store_totals.by_rule(parts.store, parts.clock.utc_us() - DAY_US)
    found = sorted(parts.in_force.rules().values(), key=lambda rule: rule.name)
    bundle = parts.in_force.bundle()
    return Policies(
        bundle=bundle.digest[:16],
        terms=bundle.terms,
        packs=bundle.packs,
        items=[Rule(**_rule(rule, counted)) for rule in found],
    )


@router.post("/policies/explain", responses=responses(404))
async def explain(parts: Parts, ask: Ask) -> Explanation:
    """Why a call is decided as it is. Nothing is sent or recorded."""
    try:
        return Explanation(**await parts.explain(ask.record, ask.call, ask.on))
    except KeyError:
        raise ProblemError(404, "no-such-record", "No record with this id is in the store.") from None
    except ValueError as error:
        raise ProblemError(422, "invalid-request", str(error)) from None


@router.post(
    "/policies/backtest",
    status_code=202,
    responses=responses(409, 429) | {202: {"content": {"application/json": {"example": JOB}}}},
)
async def backtest(parts: Parts, request: Request, draft: Draft) -> Job:
    """Begin a backtest: recorded traffic judged by the draft and by the set in force. Only evidence is read."""
    return started(parts, "backtest", draft.model_dump(), session_of(request).name)


@router.get("/policies/{name:path}", responses=responses(404))
async def read_policy(parts: Parts, name: Annotated[str, Field(max_length=512)]) -> Whole:
    """One rule."""
    found = parts.in_force.rules().get(name)
    if found is None:
        raise ProblemError(404, "no-such-rule", "No rule in force has this name.")
    counted = await store_totals.by_rule(parts.store, parts.clock.utc_us() - DAY_US)
    try:
        text, tests = await parts.policy_texts(found)
    except (TosProxyError, OSError):
        text, tests = None, None
    return Whole(**_rule(found, counted), text=text, tests=tests)


def _rule(rule: rules.Rule, counted: dict[str, tuple[int, int]]) -> dict[str, Any]:
    told = {name: getattr(rule, name) for name in Rule.model_fields if name not in {"match", "matched", "shadow"}}
    matched, shadow = counted.get(rule.name, (0, 0))
    return told | {"match": {name: list(values) for name, values in rule.match.items()}, "matched": matched, "shadow": shadow}
