"""Shows ended exchanges to the detector, in the order of the ledger, and keeps what it finds: findings, and how principals stand.

It reads the store, never the gateway: however far it lags, no exchange waits for it. More than `_BEHIND` entries behind it looks at
one record of several and counts the others, and findings say so. What the detector knows of each client is in memory alone; a new
process looks back over the last `_LOOK_BACK` entries of the last week first, without raising again what was raised. How far it got
moves in the transaction of what it found. Every control process on one database watches everything; findings are kept once, by key.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Protocol
from zlib import crc32

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.control.arrivals import Arrivals
from proxy.control.extraction import raised
from proxy.control.looking import MOST_REQUEST, Look, look, seen_of
from proxy.control.population import Population
from proxy.control.process import Note
from proxy.control.reading import read_on
from proxy.control.standing import Record, Standings
from proxy.control.tying import ties_of
from proxy.core.clock import Clock, SystemClock
from proxy.core.principal import STANDINGS
from proxy.detection.detector import Finding
from proxy.detection.linkage import Group
from proxy.detection.weights import Weights
from proxy.ledger import store_analysis, store_traits
from proxy.ledger.store import Store
from proxy.ledger.store_analysis import Beginnings, Ending, Epoch, Opened
from proxy.review import findings, questions, standing, ties
from proxy.review.judged import automatic
from proxy.review.raised import Raised
from proxy.review.standing import Stands
from proxy.review.ties import Ties
from proxy.telemetry import names
from proxy.telemetry.prometheus import Sample

READER = "analyst"
"""The name of its places in the store."""

SLICE = 256
_LOOK_BACK = 40_000
_LOOK_BACK_US = 7 * 86_400_000_000
_BEHIND = 20_000
_MOST_IN = 16
_AT_ONCE_BYTES = 2 * 1024 * 1024
_PAUSE_SECONDS = 0.2
_SETTLE_SECONDS = 2.0
_YIELD_SECONDS = 0.002
_KEEP_ENTRIES = 5_000
"""Entries after which it is written down how far it got, though nothing was found: a transaction costs as much as ten records."""

Place = tuple[str, int]


class Told(Protocol):
    """What is in force, as this duty needs it."""

    def enforce(self) -> str:
        """`limits` or `shadow`."""
        ...


class Analyst:
    """One per control process; `run` is its duty. `published` is called whenever gateways are to be told how somebody stands.

    `group_key`: under which names of linked groups are made, of what ties them, so that the next process calls them the same.
    `arrivals`: tells of what changes an embedded store.
    `lag_entries`: entries in the store that it has not read. `looked`, `skipped`, `failed`: records since the start. `raised`: new
    findings, by kind.
    """

    def __init__(
        self,
        store: Store,
        master: AESGCM,
        weights: Weights,
        told: Told,
        record: Record,
        published: Callable[[], Awaitable[None]],
        note: Note,
        clock: Clock | None = None,
    ) -> None:
        self.group_key = b""
        self.arrivals: Arrivals | None = None
        self.lag_entries = self.looked = self.skipped = self.failed = 0
        self.raised: dict[str, int] = {}
        self.population = Population(weights)
        self.standings = Standings(store, record)
        self._store = store
        self._beginnings = Beginnings(store, master)
        self._told = told
        self._published = published
        self._note = note
        self._clock = clock or SystemClock()
        self._places: dict[Place, int] = {}
        self._known: dict[Place, int] = {}
        self._traits = (-1, -1)
        self._settle_at = 0.0
        self._found: list[Raised] = []
        self._ties: dict[str, Ties] = {}
        self._moved: dict[str, Stands] = {}
        self._reached: dict[Epoch, int] = {}
        self._unkept = 0

    def samples(self) -> list[Sample]:
        """Figures for /metrics."""
        results = {"looked": self.looked, "skipped": self.skipped, "failed": self.failed}
        stands = Counter(row.standing for row in self.standings.rows.values())
        return [
            (names.DETECTION_LAG_ENTRIES, {}, self.lag_entries),
            *((names.DETECTION_RECORDS, {"result": result}, count) for result, count in results.items()),
            *((names.STANDINGS, {"standing": name}, stands[name]) for name in STANDINGS[1:]),
        ]

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; what is left then is looked at by whoever comes next."""
        await read_on(stop, self.pass_once, self._note, "detection waits for the database", _PAUSE_SECONDS, self.arrivals)

    async def pass_once(self, stop: asyncio.Event | None = None) -> None:
        """Look at what there is. Raises: StoreUnavailableError; what was found in whole slices stays."""
        if self._reached:
            await self._keep()  # what could not be kept before
        if time.monotonic() >= self._settle_at:
            await self._settle()
            self._settle_at = time.monotonic() + _SETTLE_SECONDS
        epochs = await store_analysis.epochs(self._store, READER, self._clock.utc_us() - _LOOK_BACK_US)
        self._begin(epochs)
        self.lag_entries = sum(max(0, each.upto - max(self._read(each), self._known_of(each))) for each in epochs)
        for epoch in epochs:
            while self._read(epoch) < epoch.upto and not (stop is not None and stop.is_set()):
                await self._slice(epoch)
        if self._reached:
            await self._keep()

    def _read(self, epoch: Epoch) -> int:
        return self._places[epoch.instance, epoch.epoch]

    def _known_of(self, epoch: Epoch) -> int:
        return self._known[epoch.instance, epoch.epoch]

    def _begin(self, epochs: list[Epoch]) -> None:
        """Where to begin in epochs that this process has not met: with the newest first, as far back as is worth while."""
        left = 0 if self._places else _LOOK_BACK
        for epoch in reversed(epochs):
            place = epoch.instance, epoch.epoch
            if place not in self._places:
                back = min(left, epoch.reached)
                left -= back
                self._places[place], self._known[place] = epoch.reached - back, epoch.reached

    async def _settle(self) -> None:
        await self.standings.load()
        for principal in await self.standings.settle(self._clock.utc_us()):
            self.population.forgive(principal)
        stamp = await store_traits.stamp(self._store)
        if stamp != self._traits:
            self.population.know(await store_traits.listed(self._store))
            self._traits = stamp
        await self._publish()

    async def _publish(self) -> None:
        if self.standings.changed:
            self.standings.changed = False
            await self._published()

    async def _slice(self, epoch: Epoch) -> None:
        place = epoch.instance, epoch.epoch
        before = self._places[place]
        endings, reached = await store_analysis.ended(self._store, epoch, before, SLICE)
        known = self._known_of(epoch)
        one_in = min(_MOST_IN, self.lag_entries // _BEHIND + 1) if before >= known else 1
        looks = [(each, found) for each in endings if (found := look(each)) is not None]
        for group in _groups(looks):
            opened = await self._open([found for each, found in group if _chosen(each, one_in)])
            yielded = time.monotonic()
            for each, found in group:
                self._look(each, found, opened, new=each.seq > known, chosen=_chosen(each, one_in))
                if time.monotonic() - yielded > _YIELD_SECONDS:
                    await asyncio.sleep(0)
                    yielded = time.monotonic()
        self._places[place] = reached  # it is shown once, whatever comes of keeping what was found
        self.lag_entries = max(0, self.lag_entries - max(0, reached - max(before, known)))
        if reached > known:
            self._reached[epoch] = reached
            self._unkept += reached - max(before, known)
            if self._found or self._moved or self._unkept >= _KEEP_ENTRIES:
                await self._keep()

    async def _open(self, looks: list[Look]) -> dict[str, Opened]:
        ids = [each.query.id for each in looks if each.opens]
        return await self._beginnings.of(ids, MOST_REQUEST) if ids else {}

    def _look(self, ending: Ending, found: Look, opened: dict[str, Opened], *, new: bool, chosen: bool) -> None:
        """Show one record to the detector; `new`: nobody has concluded anything from it yet."""
        name, purpose = found.query.principal, found.query.purpose
        if automatic(name) and not found.answered and self.population.client(name) is None:
            return  # a key that no upstream has accepted is nobody's
        if self.population.explained(name, purpose) and new:
            self._move(standing.cleared(self._row(name), self._clock.utc_us()))
        self.population.request(name)
        if not chosen:
            self.skipped += 1
            return
        self.looked += 1
        try:
            for seen in seen_of(found, opened.get(ending.id)):
                for finding in self.population.show(seen):
                    if new:
                        self._raise(finding, found)
        except Exception as error:  # noqa: BLE001 - whatever one record does to the detector, those behind it are looked at
            self.failed += 1
            self._note("a record could not be looked at", record=ending.id, error=f"{type(error).__name__}: {error}")
            return
        if new:
            self._judge(name, self.population.proposes(name), "")

    def _raise(self, finding: Finding, found: Look) -> None:
        client = self.population.client(finding.client)
        row, now = self._row(finding.client), self._clock.utc_us()
        if client is None:
            return
        if finding.kind == "extraction" and now < row.spared_until:
            self.population.forgive(finding.client)  # so that it is found when it is spared no longer
            return
        named, members = self._named(finding)
        if (group := self._group(finding)) is not None:
            self._ties[named.group] = ties_of(self.population.detector.edges, group, self.group_key)
        if client.flagged is finding:
            client.flagged = named
        self._found.append(
            raised(
                named,
                client,
                found,
                self.population.weights,
                times=row.round,
                enforce=self._told.enforce(),
                skipped=self.skipped,
                members=members,
            )
        )
        if self.population.tied_by_host(finding):
            self._judge(finding.client, "watched", named.group)

    def _named(self, finding: Finding) -> tuple[Finding, int]:
        """The finding with its group's lasting name, and how many members that has."""
        group = self._group(finding)
        if group is None:
            return finding, 0
        mark = group.pieces[0].to_bytes(4, "big") if group.pieces else b""
        name = hmac.digest(self.group_key, mark, "sha256").hex()[:8]
        return msgspec.structs.replace(finding, group=f"linked-{name}"), len(group.members)

    def _group(self, finding: Finding) -> Group | None:
        return next((each for each in self.population.detector.edges.groups if each.name == finding.group), None)

    def _judge(self, name: str, proposed: str, group: str) -> None:
        if proposed == "normal":
            return
        moved = standing.evident(self._row(name), proposed, group, self._clock.utc_us())
        if moved is not None:
            self._move(moved)

    def _row(self, name: str) -> Stands:
        return self._moved.get(name) or self.standings.row(name)

    def _move(self, row: Stands) -> None:
        if row != self.standings.row(row.principal):
            self._moved[row.principal] = row

    async def _keep(self) -> None:
        """Keep what was found and how far it got, both or neither, and tell gateways at once."""
        now, moved, new = self._clock.utc_us(), list(self._moved.values()), dict.fromkeys(("extraction", "question"), 0)
        async with self._store.write() as connection:
            for epoch, reached in self._reached.items():
                await store_analysis.reached(connection, READER, epoch, reached, now)
            accused = [one for one in self._found if one.kind == "extraction"]
            new["extraction"] += await findings.keep_once(connection, accused, now)
            for one in self._found:
                if one.kind == "question":
                    new["question"] += await questions.ask(connection, one, now)
            await ties.keep(connection, self._ties, now)
            await self.standings.keep(connection, moved)
        for kind, count in new.items():
            if count:
                self.raised[kind] = self.raised.get(kind, 0) + count
        self.standings.took(moved)
        self._reached.clear()
        self._unkept = 0
        self._found.clear()
        self._ties.clear()
        self._moved.clear()
        await self._publish()


def _chosen(ending: Ending, one_in: int) -> bool:
    return one_in == 1 or crc32(ending.id.encode()) % one_in == 0


def _groups(looks: list[tuple[Ending, Look]]) -> list[list[tuple[Ending, Look]]]:
    """Parts in order, of which each has so little content that it can be opened at once."""
    bounds, held = [0], 0
    for number, (_, found) in enumerate(looks):
        if held and held + found.opens > _AT_ONCE_BYTES:
            bounds.append(number)
            held = 0
        held += found.opens
    return [looks[begin:end] for begin, end in pairwise([*bounds, len(looks)])]
