"""Steady load for the torture by an absent database: so many requests a second, whatever becomes of those before them.

JSON, streams and bodies above 64 KiB in fixed shares, each on a connection of its own. What a client saw is noted with its time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.torture.kill9_load import Answered, Load, _judged

SHARES = ("json", "stream", "json", "stream", "long", "json", "stream", "json", "stream", "json")
_CALL_SECONDS = 15.0
_SHOWN = 5


@dataclass(frozen=True)
class Call:
    """One request: when it was due (monotonic), how long it took, and what came back; `answered` is None with an `error`."""

    kind: str
    due: float
    seconds: float
    answered: Answered | None
    error: str = ""

    @property
    def fault(self) -> str:
        """What its client would complain about; empty for a whole answer of the upstream with its record's name."""
        got = self.answered
        if got is None:
            return f"{self.kind}: {self.error}"
        good = got.status == 200 and got.complete and got.record and not got.ours
        return "" if good else f"{self.kind}: {got}"


@dataclass
class Steady(Load):
    """`rate` requests a second between `start` and `stop`; a late one is sent at once, none is left out."""

    rate: float = 100.0
    calls: list[Call] = field(default_factory=list)

    async def _run(self) -> None:
        rng = random.Random(self.seed)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            while not self._over.is_set():
                due = began + self.sent / self.rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self._call(SHARES[self.sent % len(SHARES)], rng, due))
                self.sent += 1

    async def _call(self, kind: str, rng: random.Random, due: float) -> None:
        answered, error = None, ""
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                answered = await self._exchange(kind, rng)
        except OSError as reason:
            error = repr(reason)
        self.calls.append(Call(kind, due, time.monotonic() - due, answered, error))

    async def _exchange(self, kind: str, rng: random.Random) -> Answered:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(self._request(kind, rng))
            await writer.drain()
            return _judged(kind, await reader.read(-1))
        finally:
            writer.transport.abort()


@dataclass(frozen=True)
class Span:
    """What clients saw of the requests that were due in one span of time."""

    requests: dict[str, int]
    errors: int
    p50_ms: float
    p99_ms: float


def span(calls: Iterable[Call], begin: float, end: float) -> Span:
    """The calls that were due from `begin` up to `end`."""
    chosen = [call for call in calls if begin <= call.due < end]
    times = sorted(call.seconds * 1000 for call in chosen) or [0.0]
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    errors = sum(bool(call.fault) for call in chosen)
    return Span(dict(Counter(call.kind for call in chosen)), errors, round(p50, 1), round(p99, 1))


def faults(calls: Iterable[Call]) -> list[str]:
    """One line for all errors of clients, with the first few of them."""
    found = [call.fault for call in calls if call.fault]
    return [f"{len(found)} client errors: {'; '.join(found[:_SHOWN])}"] if found else []
