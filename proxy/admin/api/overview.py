"""`/api/v1/overview`: the last day in counts, what waits for a decision, how well findings were aimed, how the ledger stands."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, JsonValue

from proxy.admin.api import standings
from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import responses
from proxy.ledger import store_totals
from proxy.review import standing, tallies

router = APIRouter(tags=["overview"])

Parts = Annotated[AdminParts, Depends(parts_of)]
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MOST_VALUES = 50

_EXAMPLE: dict[str, JsonValue] = {
    "since": 1795262400000000,
    "exchanges": 2,
    "counts": {
        "upstream": [{"value": "openai", "exchanges": 2}],
        "purpose": [{"value": "use.product", "exchanges": 1}, {"value": "train.general", "exchanges": 1}],
        "decision": [{"value": "allow", "exchanges": 1}, {"value": "deny", "exchanges": 1}],
        "outcome": [{"value": "completed", "exchanges": 1}, {"value": "refused", "exchanges": 1}],
        "principal": [{"value": "lab", "exchanges": 2}],
    },
    "open_findings": [{"kind": "terms", "severity": "medium", "findings": 1}],
    "precision": [{"kind": "terms", "confirmed": 3, "dismissed": 1, "precision": 0.75}],
    "detection": {"enforce": "limits", "watched": 2, "slowed_down": 1, "otherwise": 0},
    "ledger": {"Copies": "this volume"},
    "lag": {"ship_entries": 0, "ship_seconds": 0.0},
    "incidents": 0,
}


class Count(BaseModel):
    """Exchanges that have a value in common."""

    value: str
    exchanges: int


class Open(BaseModel):
    """Findings of a kind and severity that nobody has decided."""

    kind: str
    severity: str
    findings: int


class Precision(BaseModel):
    """Of decided findings of a kind: `precision` is confirmed ÷ (confirmed + dismissed), null where there is neither."""

    kind: str
    confirmed: int
    dismissed: int
    precision: float | None


class Detection(BaseModel):
    """What findings do to traffic: `enforce` is `limits` or `shadow`. `watched` and `slowed_down` count principals as gateways go
    by them now; `otherwise`: how many would be slowed down if the switch stood the other way.
    """

    enforce: str
    watched: int
    slowed_down: int
    otherwise: int


class Overview(BaseModel):
    """Counts of exchanges that began since `since` (a full hour, microseconds since 1970 UTC), for each of upstream, purpose,
    decision, outcome and principal the most frequent values first, at most 50; an exchange without an outcome counts as `open`.
    `ledger` tells in words how it stands, `lag` how far readers of the ledger are behind (empty where nothing is known),
    `incidents` how often something was found that should never happen.
    """

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    since: int
    exchanges: int
    counts: dict[str, list[Count]]
    open_findings: list[Open]
    precision: list[Precision]
    detection: Detection
    ledger: dict[str, str]
    lag: dict[str, float]
    incidents: int


@router.get("/overview", responses=responses())
async def overview(parts: Parts) -> Overview:
    """The last day at a glance."""
    since = parts.clock.utc_us() - DAY_US
    since -= since % HOUR_US
    totals = await store_totals.since(parts.store, since)
    told = await tallies.tally(parts.store)
    return Overview(
        since=since,
        exchanges=sum(many for _, many in totals["decision"]),
        counts={
            name: [Count(value=value, exchanges=many) for value, many in counted[:MOST_VALUES]] for name, counted in totals.items()
        },
        open_findings=[Open(kind=kind, severity=severity, findings=many) for kind, severity, many in told.open],
        precision=[Precision(**vars(one), precision=one.precision) for one in told.decided],
        detection=await _detection(parts),
        ledger=dict(await parts.status()),
        lag=dict(parts.lag()),
        incidents=await store_totals.incident_count(parts.store),
    )


async def _detection(parts: AdminParts) -> Detection:
    enforce = standings.enforced(parts)
    other = standing.SHADOW if enforce == standing.LIMITS else standing.LIMITS
    now, then = await standings.effective(parts), await standings.effective(parts, other)
    stand = Counter(now.values())
    return Detection(
        enforce=enforce, watched=stand["watched"], slowed_down=stand["limited"], otherwise=Counter(then.values())["limited"]
    )
