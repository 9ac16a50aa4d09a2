"""`/api/v1/detector`: what looks for extraction, by which weights, and how its findings turned out."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, JsonValue

from proxy.admin.parts import AdminParts, parts_of
from proxy.admin.problems import ProblemError, responses
from proxy.detection.weights import Test
from proxy.review import tallies

router = APIRouter(tags=["detector"])

Parts = Annotated[AdminParts, Depends(parts_of)]

_EXAMPLE: dict[str, JsonValue] = {
    "version": "3",
    "training": {"runs": {"extraction": 13, "benign": 15}, "tools": 17},
    "tests": {
        "extraction": {"drift": 0.5, "step": 2.5, "found": 9.16, "limited": 16.0},
        "question": {"drift": 0.5, "step": 1.0, "found": 9.16, "limited": 16.0},
    },
    "groups": {"volume": {"low": 0.0, "high": 1.0}},
    "terms": [{"name": "bulk", "says": "many prompts", "group": "volume", "weight": 0.994, "question": 1.0, "benign": 1.0}],
    "explains": {"use.data_ops": ["bulk", "template"]},
    "evaluation": [{"version": "3", "kind": "extraction", "confirmed": 3, "dismissed": 1, "precision": 0.75}],
}


class Sequential(BaseModel):
    """A test over a client's prompts, in nats: each look adds the level less `drift`, at most `step`; from `found` on there is a
    finding, from `limited` on it is strong enough to slow a client down.
    """

    drift: float
    step: float
    found: float
    limited: float


class Bounds(BaseModel):
    """What a group of terms may add, in nats."""

    low: float
    high: float


class Weighed(BaseModel):
    """A term: `weight` in nats of extraction, `question` in nats of a sweep; `benign`: the share of honest client-days in training
    that had it, null where that was not measured.
    """

    name: str
    says: str
    group: str
    weight: float
    question: float
    benign: float | None


class Evaluated(BaseModel):
    """How findings by one version turned out: `precision` is confirmed ÷ (confirmed + dismissed), null where there is neither."""

    version: str
    kind: str
    confirmed: int
    dismissed: int
    precision: float | None


class Detector(BaseModel):
    """The weights in use, what they were learnt from, what a declared purpose explains (terms that then count for nothing, `*` for
    all), and what people decided about findings, by the version that raised them.
    """

    model_config = {"json_schema_extra": {"examples": [_EXAMPLE]}}

    version: str
    training: dict[str, JsonValue]
    tests: dict[str, Sequential]
    groups: dict[str, Bounds]
    terms: list[Weighed]
    explains: dict[str, list[str]]
    evaluation: list[Evaluated]


@router.get("/detector", responses=responses(404))
async def detector(parts: Parts) -> Detector:
    """What looks for extraction, and how its findings turned out."""
    if parts.weights is None:
        raise ProblemError(404, "no-detector", "Nothing looks for extraction here.")
    weights = await asyncio.to_thread(parts.weights)
    return Detector(
        version=weights.version,
        training=weights.training,
        tests={"extraction": _sequential(weights.extraction), "question": _sequential(weights.question)},
        groups={name: Bounds(low=cap.low, high=cap.high) for name, cap in weights.groups.items()},
        terms=[
            Weighed(name=name, says=term.says, group=term.group, weight=term.weight, question=term.question, benign=term.benign)
            for name, term in weights.terms.items()
        ],
        explains=weights.explains,
        evaluation=[
            Evaluated(version=version, **vars(one), precision=one.precision)
            for version, one in await tallies.by_detector(parts.store)
        ],
    )


def _sequential(test: Test) -> Sequential:
    return Sequential(drift=test.drift, step=test.step, found=test.bound, limited=test.limit)
