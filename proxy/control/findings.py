"""Raises what needs no detector: reads ended records in the order of the ledger and keeps what their evidence gives rise to.

A purpose that is declared answers the question to its principal, by a call or by the configuration.

Its place in each epoch is durable and moves with the findings, so that a crash neither loses nor repeats one. It reads the store,
never the gateway: however far it lags, no exchange waits for it. Once a day it tells of what is asked (the digest) and of clauses
that have to be read again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from proxy.control.arrivals import Arrivals
from proxy.control.process import Note
from proxy.control.reading import read_on
from proxy.core.clock import Clock, SystemClock
from proxy.core.principal import UNDECLARED
from proxy.core.rules import Rule
from proxy.ledger import store_following
from proxy.ledger.store import Store
from proxy.ledger.store_following import Ended, OvertakenError, Place
from proxy.review import digests, findings, judged, questions
from proxy.review.questions import Declared
from proxy.review.raised import Raised, merge

READER = "findings"
"""The name of its places in the store."""

_PAUSE_SECONDS = 0.5
_DAILY_SECONDS = 60.0
_MOST_SLICES = 20
_MOST_KNOWN = 100_000


class Told(Protocol):
    """What is in force, as this duty needs it."""

    def rules(self) -> Mapping[str, Rule]:
        """Rules by name."""
        ...

    def due(self, now: int) -> Iterable[Raised]:
        """What is to be said of clauses on this day."""
        ...

    def declared(self) -> Mapping[str, str]:
        """Purposes that the configuration names, by principal."""
        ...


class FindingRaiser:
    """One per control process; `run` is its duty. `lag_entries`: entries in the store that it has not read, `raised`: new findings
    by kind.

    `handled` grows with every entry shipped here: an embedded store changes in no other way, so `arrivals` may be given.
    """

    def __init__(self, store: Store, told: Told, handled: Callable[[], int], note: Note, clock: Clock | None = None) -> None:
        self.lag_entries = 0
        self.arrivals: Arrivals | None = None
        self.raised = dict.fromkeys(("extraction", "question", "terms", "integrity"), 0)
        self._store = store
        self._told = told
        self._handled = handled
        self._note = note
        self._clock = clock or SystemClock()
        self._seen = -1
        self._accepted: set[str] = set()
        self._nobody: set[str] = set()
        self._daily_at = 0.0
        self._clauses_said: tuple[int, tuple[str, ...]] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Raise until `stop` is set; what is left then is raised by whoever comes next."""
        await read_on(stop, self.pass_once, self._note, "findings wait for the database", _PAUSE_SECONDS, self.arrivals)

    async def pass_once(self, stop: asyncio.Event | None = None) -> None:
        """Read what there is, and say what the day has to say. Raises: StoreUnavailableError; what was raised stays."""
        handled = self._handled()
        if handled != self._seen or self._store.dialect == "postgresql":
            places = await store_following.places(self._store, READER)
            self.lag_entries = sum(place.upto - place.after for place in places)
            for place in places:
                if not await self._read(place, stop):
                    return
            self._seen = handled
        if time.monotonic() >= self._daily_at:
            await self.daily()
            self._nobody.clear()  # another process may have read that one of them was answered
            self._daily_at = time.monotonic() + _DAILY_SECONDS

    async def _read(self, place: Place, stop: asyncio.Event | None) -> bool:
        """Read one epoch to its end; False when told to stop before."""
        reached = place.after
        while reached < place.upto:
            if stop is not None and stop.is_set():
                return False
            begin, gathered, declared = reached, dict[str, Raised](), dict[str, Declared]()
            for _ in range(_MOST_SLICES):
                records, reached = await store_following.ended(self._store, place, reached)
                await self._gather(records, gathered, declared)
                if reached >= place.upto:
                    break
            if not await self._keep(replace(place, after=begin), reached, gathered):
                return True
            await questions.answer(self._store, declared, self._clock.utc_us())
            self.lag_entries = max(0, self.lag_entries - (reached - begin))
        return True

    async def _gather(self, records: list[Ended], gathered: dict[str, Raised], declared: dict[str, Declared]) -> None:
        rules = self._told.rules()
        read: list[tuple[judged.Judged, Ended]] = []
        for record in records:
            try:
                read.append((judged.decode(record.evidence), record))
            except msgspec.MsgspecError:
                continue  # of a later version: it is kept, whoever knows it will read it
        await self._learn(read)
        declaring: dict[tuple[str, str], judged.Judged] = {}
        for one, record in read:
            somebody = not judged.automatic(one.principal) or one.principal in self._accepted
            well = judged.answered(record.kind, record.status)
            for raised in judged.raises(one, rules, accepted=somebody or well, ended_well=well, said=gathered):
                merge(gathered, raised)
            if well and one.purpose != UNDECLARED:
                whose = one.principal, one.key
                declaring.pop(whose, None)  # behind all others again: the last to say something has the last word
                declaring[whose] = one
        for one in declaring.values():
            for name in judged.declares(one, ended_well=True):
                declared[name] = Declared(one.purpose, one.at, one.id)

    async def _learn(self, read: list[tuple[judged.Judged, Ended]]) -> None:
        """Find out which automatic principals are somebody: their credential was accepted by an upstream, now or before."""
        for known in (self._accepted, self._nobody):
            if len(known) > _MOST_KNOWN:
                known.clear()
        unknown: set[str] = set()
        for one, record in read:
            if one.principal in self._accepted or not judged.automatic(one.principal):
                continue
            if judged.answered(record.kind, record.status):
                self._accepted.add(one.principal)
            elif one.judged and one.principal not in self._nobody:
                unknown.add(one.principal)
        unknown -= self._accepted
        if unknown:
            found = await store_following.answered(self._store, unknown)
            self._accepted |= found
            # until it is answered, which is read here: a flood of refused calls asks the store once, not once a call
            self._nobody |= unknown - found

    async def _keep(self, place: Place, reached: int, gathered: dict[str, Raised]) -> bool:
        """Keep what was gathered and move the place, both or neither; False when another process was faster."""
        now = self._clock.utc_us()
        try:
            async with self._store.write() as connection:
                await store_following.advance(connection, READER, place, reached, now)
                new = {kind: await findings.keep(connection, those, now) for kind, those in _by_kind(gathered.values())}
        except OvertakenError:
            return False
        self._count(new)
        return True

    def _count(self, new: Mapping[str, int]) -> None:
        for kind, number in new.items():
            self.raised[kind] = self.raised.get(kind, 0) + number

    async def daily(self) -> None:
        """Make yesterday's digest, and say which clauses are due, each once. Raises: StoreUnavailableError."""
        now = self._clock.utc_us()
        digest = await digests.make(self._store, now)
        if digest is not None:
            self._note("digest", kind=digest.kind, day=digests.day_of(digest.day).isoformat(), count=digest.count)
        configured = {name: Declared(purpose, now) for name, purpose in self._told.declared().items()}
        await questions.answer(self._store, configured, now)
        due = list(self._told.due(now))
        said = now // judged.DAY_US, tuple(sorted(one.key for one in due))
        if said == self._clauses_said:
            return
        if due:
            async with self._store.write() as connection:
                new = {kind: await findings.keep_once(connection, those, now) for kind, those in _by_kind(due)}
            self._count(new)
        self._clauses_said = said


def _by_kind(raised: Iterable[Raised]) -> list[tuple[str, list[Raised]]]:
    """In the order of their kinds, which is the same for all writers: two of them on one database cannot wait for each other."""
    kinds: dict[str, list[Raised]] = {}
    for one in raised:
        kinds.setdefault(one.kind, []).append(one)
    return sorted(kinds.items())
