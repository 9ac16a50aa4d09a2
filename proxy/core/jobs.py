"""Long work as the admin API and those who carry it out know it."""

from __future__ import annotations

from typing import Any

import msgspec

KINDS = ("backtest", "search")

QUEUED, RUNNING, DONE, FAILED, CANCELLED, LOST = "queued", "running", "done", "failed", "cancelled", "lost"
STATES = (QUEUED, RUNNING, DONE, FAILED, CANCELLED, LOST)
UNDER_WAY = frozenset({QUEUED, RUNNING})


class Job(msgspec.Struct, frozen=True):
    """One piece of work, `kind` of `KINDS`, `state` of `STATES`; `lost`: control ended while it was under way.

    `asked` is what was asked for. Times in microseconds since 1970 UTC. `done` of `total` steps (0: not known yet), `told` says in
    words how far it is. `error`: why it failed. `partial`: the result is of what there was when it was cut short.
    """

    id: str
    kind: str
    by: str
    at: int
    asked: dict[str, Any]
    state: str = QUEUED
    started_at: int | None = None
    ended_at: int | None = None
    done: int = 0
    total: int = 0
    told: str = ""
    error: str = ""
    partial: bool = False
