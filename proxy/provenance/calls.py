"""Queries of the past as calls, read from the store: evidence only, window by window, each with the carrier that it needs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import msgspec

from proxy.core.call import Call
from proxy.ledger.store import Store
from proxy.ledger.store_evidence import windows
from proxy.ledger.store_records import exchanges_named
from proxy.policy.replay import KINDS, Replay, Seen, seen, was_judged

_MOST_CARRIERS = 2048


@dataclass(frozen=True)
class Span:
    """Which queries: `since` (included) and `until` (excluded) in microseconds since 1970; empty sets are all."""

    since: int | None = None
    until: int | None = None
    principals: frozenset[str] = frozenset()
    upstreams: frozenset[str] = frozenset()

    def wants(self, entry: Seen) -> bool:
        """Whether an entry within the time is one of them."""
        return (not self.principals or entry.principal in self.principals) and (
            not self.upstreams or entry.upstream in self.upstreams
        )


@dataclass
class Portion:
    """Calls of one window. `skipped`: entries about which no rule was asked, or that stand for no query by themselves any more
    (a line that was never sent). `passed` of `total` entries of the ledger have been gone through.
    """

    calls: list[tuple[Seen, Call]] = field(default_factory=list)
    skipped: int = 0
    passed: int = 0
    total: int = 0


async def calls(store: Store, span: Span) -> AsyncIterator[Portion]:
    """All queries of a span, in the order in which they were recorded within each epoch, as they were judged then.

    Raises: StoreUnavailableError.
    """
    replay = Replay()
    carriers = _Carriers(store)
    async for window in windows(store, KINDS, since=span.since, until=span.until):
        portion = Portion(passed=window.passed, total=window.total)
        entries = []
        for kind, evidence in window.rows:
            try:
                entry = seen(evidence)
            except msgspec.MsgspecError:
                portion.skipped += 1
                continue
            if (kind == "turn" and entry.outcome) or not span.wants(entry):
                continue  # a turn is told of twice, and was judged when it began
            entries.append(entry)
        known = await carriers.of(entries)
        for entry in entries:
            carrier = known.get(entry.carrier) if entry.carrier else None
            if not was_judged(entry) or (entry.carrier and carrier is None):
                portion.skipped += 1
            else:
                portion.calls.append((entry, replay.call(entry, carrier)))
        yield portion


class _Carriers:
    """Entries of exchanges that brought lines or hold turns: those met last are kept."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, Seen] = OrderedDict()

    async def of(self, entries: Iterable[Seen]) -> dict[str, Seen]:
        """The carriers that these name, as far as they are here."""
        named = {entry.carrier for entry in entries if entry.carrier}
        if not named:
            return {}
        for record, (evidence, _) in (await exchanges_named(self._store, named - self._kept.keys())).items():
            self._kept[record] = seen(evidence)
        found = {record: self._kept[record] for record in named if record in self._kept}
        for record in found:
            self._kept.move_to_end(record)
        while len(self._kept) > _MOST_CARRIERS:
            self._kept.popitem(last=False)
        return found
