"""`/api/v1/ledger`: how the ledger stands: what is kept, for how long, how far each epoch is in the store, and incidents.
`/api/v1/alerts`: who is told of what, and what became of it. `/api/v1/settings`: the configuration in force; for admins.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field, JsonValue

from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import responses
from proxy.ledger import store_totals
from proxy.review import paging
from proxy.review.alerting import deliveries

router = APIRouter(tags=["operation"])

Parts = Annotated[AdminParts, Depends(parts_of)]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=512)]

_EPOCH: dict[str, JsonValue] = {"instance": "5f0c1e2d3b4a5968-0", "epoch": 3, "seq": 1200, "segment": 4, "at": 1795348800000000}


class Epoch(BaseModel):
    """How far an epoch is in the store: entries up to `seq`, out of segments up to `segment`, at `at` (microseconds since 1970)."""

    instance: str
    epoch: int
    seq: int
    segment: int
    at: int


class Incident(BaseModel):
    """Something that should never happen and did (docs/operations.md says what each kind means)."""

    id: int
    at: int
    kind: str
    instance: str
    epoch: int
    seq: int
    detail: str


class Ledger(BaseModel):
    """`told`: how it stands, in words. `lag`: how far readers are behind. `epochs` and `incidents`: the newest 50."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {"told": {"Contents are kept": "90 days"}, "lag": {"ship_entries": 0}, "epochs": [_EPOCH], "incidents": []}
            ]
        }
    }

    told: dict[str, str]
    lag: dict[str, float]
    epochs: list[Epoch]
    incidents: list[Incident]


class Target(BaseModel):
    """Who is told. Addresses are not shown, they may hold secrets."""

    name: str
    format: str
    kinds: list[str]
    severity: str
    exchanges: bool


class Delivered(BaseModel):
    """One thing on its way to one target: `done_at` is null while it is tried again, next at `next_at`; `error` is the last one."""

    id: str
    target: str
    event: str
    at: int
    attempts: int
    next_at: int
    done_at: int | None
    error: str


class Alerts(BaseModel):
    """Targets by name, and a page of deliveries, newest first; `next_cursor` is null after the last."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "targets": [
                        {"name": "chat", "format": "slack", "kinds": ["terms"], "severity": "low", "exchanges": False},
                    ],
                    "items": [],
                    "next_cursor": None,
                }
            ]
        }
    }

    targets: list[Target]
    items: list[Delivered]
    next_cursor: str | None


class Setting(BaseModel):
    """One value: `path` dotted, `origin` a variable, `file:line`, `built-in` or `default`. Secrets are fingerprints."""

    path: str
    value: Any = Field(description="as the configuration has it")
    origin: str


class Settings(BaseModel):
    """Every value in force, in the order of the documentation."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"items": [{"path": "gateway.port", "value": 8080, "origin": "default"}], "next_cursor": None}]
        }
    }

    items: list[Setting]
    next_cursor: None = None


@router.get("/ledger", responses=responses())
async def ledger(parts: Parts) -> Ledger:
    """Status, retention, and what is known of integrity."""
    epochs = await store_totals.epochs(parts.store)
    incidents = await store_totals.incidents(parts.store)
    return Ledger(
        told=dict(await parts.status()),
        lag=dict(parts.lag()),
        epochs=[Epoch(**{name: row[name] for name in Epoch.model_fields}) for row in epochs],
        incidents=[Incident(**{name: row[name] for name in Incident.model_fields}) for row in incidents],
    )


@router.get("/alerts", responses=responses(400))
async def alerts(parts: Parts, limit: Limit = 50, cursor: Cursor = None) -> Alerts:
    """Targets and deliveries."""
    rows = await deliveries.page(parts.store, limit=limit + 1, cursor=cursor)
    targets = [
        Target(name=name, format=one.format, kinds=list(one.kinds), severity=one.severity, exchanges=one.exchanges)
        for name, one in sorted(parts.alerts.items())
    ]
    items = [Delivered(**{name: row[name] for name in Delivered.model_fields}) for row in rows[:limit]]
    after = paging.cursor_of(items[-1].at, items[-1].id) if len(rows) > limit else None
    return Alerts(targets=targets, items=items, next_cursor=after)


@router.get("/settings", responses=responses())
async def settings(parts: Parts) -> Settings:
    """The configuration in force, and where each value comes from."""
    found = await parts.settings()
    return Settings(items=[Setting(path=one.path, value=one.value, origin=one.origin) for one in found])
