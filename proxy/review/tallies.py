"""How many findings wait, and how many of those that were decided were what they looked like."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from proxy.ledger.review_tables import findings
from proxy.ledger.store import Store
from proxy.review.raised import SEVERITIES


@dataclass(frozen=True)
class Decided:
    """Of the findings of one kind, how many were confirmed and how many dismissed."""

    kind: str
    confirmed: int
    dismissed: int

    @property
    def precision(self) -> float | None:
        """The share that was confirmed, None where neither happened."""
        judged = self.confirmed + self.dismissed
        return self.confirmed / judged if judged else None


@dataclass(frozen=True)
class Tally:
    """`open`: (kind, severity, findings), the most severe first. `decided`: by kind."""

    open: list[tuple[str, str, int]]
    decided: list[Decided]


async def by_detector(store: Store) -> list[tuple[str, Decided]]:
    """What became of findings that a detector raised, by its version and their kind. Raises: StoreUnavailableError."""
    columns = findings.c
    judged = select(columns.detector, columns.kind, columns.decision, func.count()).where(
        columns.detector != "", columns.decision.in_(("confirmed", "dismissed"))
    )
    counts: dict[tuple[str, str], dict[str, int]] = {}
    async with store.read() as connection:
        for version, kind, decision, many in await connection.execute(
            judged.group_by(columns.detector, columns.kind, columns.decision)
        ):
            counts.setdefault((version, kind), {})[decision] = many
    return [
        (version, Decided(kind, each.get("confirmed", 0), each.get("dismissed", 0)))
        for (version, kind), each in sorted(counts.items())
    ]


async def tally(store: Store) -> Tally:
    """Count findings as they are now; one in shadow counts as any other. Raises: StoreUnavailableError."""
    columns = findings.c
    waiting = select(columns.kind, columns.severity, func.count()).where(columns.state == "open")
    judged = select(columns.kind, columns.decision, func.count()).where(columns.decision.in_(("confirmed", "dismissed")))
    async with store.read() as connection:
        found = [(row[0], row[1], row[2]) for row in await connection.execute(waiting.group_by(columns.kind, columns.severity))]
        counts: dict[str, dict[str, int]] = {}
        for kind, decision, many in await connection.execute(judged.group_by(columns.kind, columns.decision)):
            counts.setdefault(kind, {})[decision] = many
    found.sort(key=lambda row: (-SEVERITIES.index(row[1]), row[0]))
    return Tally(
        found, [Decided(kind, each.get("confirmed", 0), each.get("dismissed", 0)) for kind, each in sorted(counts.items())]
    )
