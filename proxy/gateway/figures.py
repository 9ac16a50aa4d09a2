"""What one worker counts of judgements, waits and tokens: additions of integers on the way of an exchange, read by /metrics.

Every label is of a closed set: effects, verdicts, kinds of tokens, and the upstreams that are configured.
"""

from __future__ import annotations

from typing import Any

from proxy.core.exchange import Exchange
from proxy.core.facts import Usage
from proxy.telemetry import names

BOUNDS_NS = (1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 1_000_000_000)
"""Upper bounds of the histogram's buckets, in nanoseconds."""

_KINDS = ("input", "output", "cached", "reasoning")


class Figures:
    """Counters since the worker's start."""

    __slots__ = ("decisions", "delivered", "dispatched", "received", "tokens", "verdicts", "waited_ns")

    def __init__(self) -> None:
        self.decisions = {"allow": 0, "flag": 0, "throttle": 0, "deny": 0}
        self.verdicts = {"allow": 0, "allow_with_obligations": 0, "review": 0, "forbid": 0}
        self.tokens: dict[str, list[int]] = {}
        self.dispatched = [0] * (len(BOUNDS_NS) + 1)
        self.waited_ns = 0
        self.received = 0
        self.delivered = 0

    def judged(self, exchange: Exchange) -> None:
        """Terms and policy have said what they say."""
        effect, verdict = exchange.decision.effect, exchange.verdict.verdict
        self.decisions[effect] = self.decisions.get(effect, 0) + 1
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1

    def sent(self, exchange: Exchange, now_ns: int) -> None:
        """A request may go upstream."""
        waited_ns = now_ns - exchange.mono
        self.received += exchange.request.received
        self.waited_ns += waited_ns
        place = 0
        for bound in BOUNDS_NS:
            if waited_ns <= bound:
                break
            place += 1
        self.dispatched[place] += 1

    def ended(self, upstream: str, delivered: int, usage: Usage | None) -> None:
        """An answer has ended; no tokens are counted where neither provider nor proxy counted any."""
        self.delivered += delivered
        if usage is None:
            return
        counts = self.tokens.get(upstream)
        if counts is None:
            counts = self.tokens[upstream] = [0, 0, 0, 0]
        counts[0] += usage.input
        counts[1] += usage.output
        counts[2] += usage.cached
        counts[3] += usage.reasoning

    def rows(self) -> list[list[Any]]:
        """For /metrics: name, labels, value."""
        rows: list[list[Any]] = [[names.DECISIONS, {"effect": effect}, count] for effect, count in self.decisions.items()]
        rows += [[names.VERDICTS, {"verdict": verdict}, count] for verdict, count in self.verdicts.items()]
        for upstream, counts in self.tokens.items():
            rows += [[names.TOKENS, {"upstream": upstream, "kind": kind}, counts[at]] for at, kind in enumerate(_KINDS)]
        rows += [[names.RECEIVED_BYTES, {}, self.received], [names.DELIVERED_BYTES, {}, self.delivered]]
        total = 0
        for at, count in enumerate(self.dispatched):
            total += count
            bound = f"{BOUNDS_NS[at] / 1e9:g}" if at < len(BOUNDS_NS) else "+Inf"
            rows.append([f"{names.DISPATCH_SECONDS}_bucket", {"le": bound}, total])
        rows.append([f"{names.DISPATCH_SECONDS}_sum", {}, self.waited_ns / 1e9])
        rows.append([f"{names.DISPATCH_SECONDS}_count", {}, total])
        return rows
