"""From shipped records to findings: in order, once, over restarts, with dates that the test sets."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.control.findings import READER, FindingRaiser
from proxy.core.rules import Rule
from proxy.core.terms import Clause
from proxy.ledger import store_following
from proxy.ledger.record import encode
from proxy.ledger.store import Store
from proxy.ledger.store_errors import StoreUnavailableError
from proxy.ledger.store_ship import ship
from proxy.review import clauses, digests, findings
from proxy.review.judged import DAY_US
from proxy.review.raised import UNACCEPTED, Raised
from tests.ledgers import NOON, Writer
from tests.waiting import PATIENCE

RULES = {rule.name: rule for rule in (Rule("large", "flag"), Rule("terms", "deny", match={"terms.verdict": ("forbid",)}))}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/store.sqlite")
    yield opened
    await opened.close()


class Room:
    """A duty over a store, with a clock that the test sets."""

    def __init__(self, store: Store) -> None:
        self.writer = Writer()
        self.now = NOON
        self.shipped = 0
        self.catalogue: list[Clause] = []
        self.configured: dict[str, str] = {}
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self._store = store
        self.duty = self.another()

    def another(self) -> FindingRaiser:
        """The duty of the next process."""
        return FindingRaiser(self._store, self, lambda: self.shipped, self.note, self)

    def rules(self) -> Mapping[str, Rule]:
        """Those in force."""
        return RULES

    def due(self, now: int) -> Iterable[Raised]:
        """Of the catalogue."""
        return clauses.due(self.catalogue, now)

    def declared(self) -> Mapping[str, str]:
        """By the configuration."""
        return self.configured

    def note(self, event: str, /, **fields: Any) -> None:
        """Keep a line of diagnostics."""
        self.notes.append((event, fields))

    def utc_us(self) -> int:
        """The test's time."""
        return self.now

    def monotonic_ns(self) -> int:
        """Not asked for."""
        return 0

    async def ship(self) -> None:
        """What was written is in the store."""
        await ship(self._store, self.writer.batch())
        self.shipped += 1

    async def told(self) -> list[tuple[str, str, str, int]]:
        """Kind, rule, principal and count of every finding."""
        found, _ = await findings.page(self._store, findings.Wanted(), limit=500)
        return sorted((one["kind"], one["rule"], one["principal"], one["count"]) for one in found)


async def test_records_become_findings_once(store: Store) -> None:
    """What is read is not read again, by this process or the next; what comes later is added."""
    room = Room(store)
    for _ in range(3):
        room.writer.exchange(purpose="undeclared")
    room.writer.exchange(rules=("large",), decision="flag")
    room.writer.exchange()
    await room.ship()
    await room.duty.pass_once()
    first = [("question", "", "chat", 3), ("terms", "large", "chat", 1)]
    assert await room.told() == first
    assert (sum(room.duty.raised.values()), room.duty.raised["question"], room.duty.lag_entries) == (2, 1, 0)
    await room.duty.pass_once()
    await room.another().pass_once()
    assert await room.told() == first
    room.writer.exchange(purpose="undeclared")
    await room.ship()
    await room.another().pass_once()
    assert await room.told() == [("question", "", "chat", 4), ("terms", "large", "chat", 1)]


async def test_made_up_keys_are_nobody(store: Store) -> None:
    """A flood of keys that no upstream took is one finding without question; a key that was taken stands under its own name."""
    room = Room(store)
    for number in range(50):
        name = f"key:{number:012x}"
        room.writer.outcome(room.writer.intent(room.writer.new_id(), principal=name, rules=("large",), decision="flag"), status=401)
    room.writer.exchange(principal="key:real", rules=("large",), decision="flag")
    await room.ship()
    await room.duty.pass_once()
    assert await room.told() == [("terms", "large", "key:real", 1), ("terms", "large", UNACCEPTED, 50)]
    room.writer.outcome(
        room.writer.intent(room.writer.new_id(), principal="key:real", rules=("large",), decision="flag"), status=500
    )
    await room.ship()
    await room.another().pass_once()
    assert await room.told() == [("terms", "large", "key:real", 2), ("terms", "large", UNACCEPTED, 50)]


async def test_a_flood_of_made_up_keys_asks_the_store_little(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a slice at most, and of each key once; one that an upstream takes in the end is somebody from then on."""
    room = Room(store)
    asked: list[set[str]] = []
    real = store_following.answered

    async def counting(of: Store, principals: set[str]) -> set[str]:
        asked.append(set(principals))
        return await real(of, principals)

    monkeypatch.setattr(store_following, "answered", counting)
    flagged: dict[str, Any] = {"rules": ("large",), "decision": "flag"}
    for number in range(600):
        name = f"key:{number % 100:012x}"
        room.writer.outcome(room.writer.intent(room.writer.new_id(), principal=name, **flagged), status=401)
    await room.ship()
    await room.duty.pass_once()
    assert [len(names) for names in asked] == [100]
    room.writer.exchange(principal="key:000000000007", **flagged)
    await room.ship()
    await room.duty.pass_once()
    assert await room.told() == [("terms", "large", "key:000000000007", 1), ("terms", "large", UNACCEPTED, 600)]


async def states(store: Store) -> dict[str, tuple[str, str, str, str]]:
    """State, decision, by whom and why of every finding, by principal."""
    found, _ = await findings.page(store, findings.Wanted(), limit=500)
    return {one["principal"]: (one["state"], one["decision"], one["decided_by"], one["note"]) for one in found}


async def test_a_declared_purpose_answers_the_question(store: Store) -> None:
    """The proxy decides it by a later call of the principal, or of a key that has got a name since; one refused answers nothing."""
    room = Room(store)
    key = "0123456789ab" + "0" * 52
    for name in ("chat", f"key:{key[:12]}", "quiet"):
        room.writer.exchange(purpose="undeclared", principal=name, key=key)
    room.writer.exchange(principal="quiet", at=NOON - 1)
    room.writer.outcome(room.writer.intent(room.writer.new_id(), principal="quiet", at=NOON + DAY_US), status=401)
    named = room.writer.exchange(principal="chat", key=key, at=NOON + DAY_US, purpose="use.product")
    await room.ship()
    await room.duty.pass_once()
    answered = ("decided", "dismissed", "", f"declares use.product ({named})")
    assert await states(store) == {"chat": answered, f"key:{key[:12]}": answered, "quiet": ("open", "", "", "")}
    room.configured = {"quiet": "eval.private"}
    room.now += DAY_US
    await room.duty.daily()
    assert (await states(store))["quiet"] == ("decided", "dismissed", "", "declares eval.private (configured)")


async def test_who_asks_without_a_purpose_again_is_asked_again(store: Store) -> None:
    """The question is open again, and single calls that declare a purpose do not close it a second time; a configured one does."""
    room = Room(store)
    asked = (("undeclared", "open"), ("use.product", "decided"), ("undeclared", "open"), ("use.product", "open"))
    for at, (purpose, state) in enumerate(asked):
        room.writer.exchange(purpose=purpose, at=NOON + at)
        await room.ship()
        room.now = NOON + at
        await room.duty.pass_once()
        assert (await states(store))["chat"][0] == state
    room.configured = {"chat": "use.product"}
    await room.duty.daily()
    assert (await states(store))["chat"][0] == "decided"


async def test_a_crash_before_the_end_loses_and_doubles_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings and place are written together: a pass that broke off is done again as if it had never begun."""
    room = Room(store)
    room.writer.exchange(purpose="undeclared")
    await room.ship()
    kept = findings.keep

    async def broken(*given: Any) -> int:
        await kept(*given)
        raise StoreUnavailableError("gone")

    monkeypatch.setattr(findings, "keep", broken)
    with pytest.raises(StoreUnavailableError):
        await room.duty.pass_once()
    assert await room.told() == []
    monkeypatch.undo()
    await room.duty.pass_once()
    assert await room.told() == [("question", "", "chat", 1)]


async def test_what_it_cannot_read_is_passed_over(store: Store) -> None:
    """An entry of a later version neither stops the duty nor is lost to the store."""
    room = Room(store)
    intent = room.writer.intent(room.writer.new_id())
    room.writer.outcome(intent)
    room.writer.exchange(purpose="undeclared")
    await room.ship()
    spoiled = msgspec.json.encode(msgspec.json.decode(encode(intent)) | {"rules": 5})
    async with store.write() as connection:
        await connection.exec_driver_sql("UPDATE entries SET evidence = ? WHERE seq = 1", (spoiled,))
    await room.duty.pass_once()
    assert await room.told() == [("question", "", "chat", 1)]
    assert await store_following.places(store, READER) == []


async def test_the_day_has_its_say(store: Store) -> None:
    """A digest tells of yesterday's questions, a clause is told of thirty days ahead, each once."""
    room = Room(store)
    room.now = NOON // DAY_US * DAY_US + DAY_US // 2
    room.catalogue = [Clause("c.1", "c", review_by=room.now + 31 * DAY_US)]
    room.writer.exchange(purpose="undeclared")
    await room.ship()
    await room.duty.pass_once()
    assert await digests.listed(store) == []
    room.now += DAY_US
    for duty in (room.duty, room.duty, room.another()):
        await duty.daily()
    assert [(digest.day, digest.count) for digest in await digests.listed(store)] == [(room.now // DAY_US - 1, 1)]
    assert [event for event, _ in room.notes] == ["digest"]
    room.now += DAY_US
    for duty in (room.duty, room.another()):
        await duty.daily()
    assert await room.told() == [("question", "", "chat", 1), ("terms", "", "", 1)]


async def test_it_waits_for_a_database_that_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The duty says once that it waits, goes on when the database is back, and ends when told."""
    room = Room(store)
    room.writer.exchange(purpose="undeclared")
    await room.ship()
    monkeypatch.setattr("proxy.control.reading._AWAY_SECONDS", 0.01)
    real, failures, read = store_following.places, 0, asyncio.Event()

    async def away(*given: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures <= 3:
            raise StoreUnavailableError("gone")
        return await real(*given)

    async def nothing(*_given: Any) -> None:
        read.set()  # the day has its say once everything is read

    monkeypatch.setattr(store_following, "places", away)
    monkeypatch.setattr(digests, "make", nothing)
    stop = asyncio.Event()
    task = asyncio.create_task(room.duty.run(stop))
    async with asyncio.timeout(PATIENCE):
        await read.wait()
        stop.set()
        await task
    assert [event for event, _ in room.notes] == ["findings wait for the database"]
    assert await room.told() == [("question", "", "chat", 1)]


async def test_most_records_are_cheap(store: Store) -> None:
    """Reading costs tens of microseconds of processor time a record; the bound leaves room for a slow machine."""
    room = Room(store)
    for number in range(2000):
        room.writer.exchange(purpose="use.product" if number % 10 else "undeclared")
    await room.ship()
    before = resource.getrusage(resource.RUSAGE_SELF)
    await room.duty.pass_once()
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert await room.told() == [("question", "", "chat", 200)]
    assert spent / 2000 < 500e-6
