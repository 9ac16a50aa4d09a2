"""Every exchange as a line for whoever keeps such lines (a SIEM): facts of the evidence, never content.

The place reached is durable and moves after the lines were taken, so that none is lost and, after a crash, some may come twice,
under their record's id.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import msgspec

from proxy.core.alerts import AlertTarget
from proxy.core.clock import Clock
from proxy.ledger import store_following
from proxy.ledger.store import Store
from proxy.ledger.store_following import Ended, OvertakenError, Place
from proxy.review.alerting.events import Event
from proxy.review.alerting.formats import FORMATS

MOST_PASSES = 20

Send = Callable[[str, bytes], Awaitable[None]]
"""Hands lines on, under an id. Raises: whatever keeps them from being taken."""

_SHOWN = (
    *("principal", "project", "purpose", "upstream", "host", "dialect", "endpoint", "model_requested"),
    *("verdict", "decision", "source", "credential"),
)


class _Asked(msgspec.Struct):
    """What a line tells of a record: fields of the evidence by their names."""

    id: str
    at: int
    principal: str = ""
    project: str = ""
    purpose: str = ""
    upstream: str = ""
    host: str = ""
    dialect: str = ""
    endpoint: str = ""
    model_requested: str = ""
    verdict: str = ""
    decision: str = ""
    source: str = ""
    credential: str = ""
    clauses: list[str] = []
    rules: list[str] = []


_decode = msgspec.json.Decoder(_Asked).decode


class Exports:
    """The exchanges that one target is told of."""

    def __init__(self, store: Store, name: str, target: AlertTarget, clock: Clock) -> None:
        self._store = store
        self._reader = f"export:{name}"
        self._format = FORMATS["ocsf" if target.format == "ocsf" else "jsonl"]
        self._clock = clock

    async def pass_once(self, send: Send) -> None:
        """Tell what is new. Raises: StoreUnavailableError, whatever `send` raises; what was taken stays taken."""
        for place in await store_following.places(self._store, self._reader):
            after = place.after
            for _ in range(MOST_PASSES):
                records, reached = await store_following.ended(self._store, replace(place, after=after), after)
                lines = [self._format(event) for event in map(told, records) if event is not None]
                if lines:
                    await send(f"{self._reader}:{place.instance}.{place.epoch}.{after}", b"\n".join(lines) + b"\n")
                if not await self._advance(replace(place, after=after), reached):
                    break
                after = reached
                if reached >= place.upto:
                    break

    async def _advance(self, place: Place, reached: int) -> bool:
        try:
            async with self._store.write() as connection:
                await store_following.advance(connection, self._reader, place, reached, self._clock.utc_us())
        except OvertakenError:  # another process told the same
            return False
        return True


def told(record: Ended) -> Event | None:
    """A record as an event; None where its evidence is of a later version."""
    try:
        asked = _decode(record.evidence)
    except msgspec.MsgspecError:
        return None
    facts = {name: value for name in _SHOWN if (value := getattr(asked, name))}
    facts |= {"record": asked.id, "status": record.status, "ended_by": record.kind, "clauses": asked.clauses, "rules": asked.rules}
    severity = "low" if asked.decision in ("deny", "throttle") else "notice"
    return Event(asked.id, "exchange", asked.at, "exchange", severity, f"{asked.principal} asked {asked.upstream}", facts)
