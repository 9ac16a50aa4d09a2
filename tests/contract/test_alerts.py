"""Who is told of findings, cases and exchanges: once, in order, signed, whatever fails on the way; on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import msgspec
import pytest

from proxy.control.alerts import Alerts
from proxy.control.webhooks import signature, signing_key
from proxy.core.alerts import AlertTarget
from proxy.ledger import store_standings
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.review import findings, moves
from proxy.review.alerting import deliveries
from proxy.review.raised import Raised
from proxy.review.standing import Stands
from tests.ledgers import NOON, Writer

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECOND = 1_000_000


@dataclass
class Clock:
    """Time that tests move."""

    now: int = NOON

    def utc_us(self) -> int:
        """Microseconds."""
        return self.now

    def monotonic_ns(self) -> int:
        """Nanoseconds."""
        return self.now * 1000


@dataclass
class Receiver:
    """What takes webhooks, unless told not to."""

    statuses: list[int] = field(default_factory=list)
    got: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.got.append(request)
        return httpx2.Response(self.statuses.pop(0) if self.statuses else 204)


@dataclass
class World:
    """A store, a receiver, and the duty between them."""

    store: Store
    clock: Clock
    receiver: Receiver
    notes: list[str] = field(default_factory=list)

    def alerts(self, **targets: AlertTarget) -> Alerts:
        """The duty as a process that starts now has it."""
        return Alerts(self.store, targets, {"SECRET": SECRET}, lambda event, **_: self.notes.append(event), self.clock)

    async def run(self, alerts: Alerts) -> None:
        """Look once."""
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(self.receiver)) as client:
            await alerts.pass_once(client)

    async def find(self, key: str, **changes: object) -> None:
        """Raise a finding now."""
        made = {"kind": "terms", "severity": "medium", "title": f"About {key}", "principal": "research", "gathers": True} | changes
        at = self.clock.now
        raised = Raised(key, first_record="rec_1", last_record="rec_1", first_at=at, last_at=at, **made)  # type: ignore[arg-type]
        async with self.store.write() as connection:
            await findings.keep(connection, [raised], at)


@pytest.fixture
async def world(store_url: str) -> AsyncIterator[World]:
    store = await Store.open(store_url)
    yield World(store, Clock(), Receiver())
    await store.close()


HOOK = AlertTarget(url="http://127.0.0.1/hook", secret_env="SECRET")


async def test_a_finding_is_told_once_and_signed(world: World) -> None:
    """With its case's opening; looking again tells nothing, nor does a process that starts anew."""
    alerts = world.alerts(hook=HOOK)
    await world.find("a")
    for _ in range(2):
        await world.run(alerts)
    await world.run(world.alerts(hook=HOOK))
    told = [msgspec.json.decode(request.content) for request in world.receiver.got]
    assert sorted(one["type"] for one in told) == ["case.opened", "finding.raised"]
    for request in world.receiver.got:
        at = int(request.headers["webhook-timestamp"])
        wanted = signature(signing_key(SECRET), request.headers["webhook-id"], at, request.content)
        assert request.headers["webhook-signature"] == wanted


async def test_a_standing_that_moves_is_told_once(world: World) -> None:
    """From what to what and why, to whoever asks for it and from the severity that it has."""
    alerts = world.alerts(hook=HOOK, grave=AlertTarget(url="http://127.0.0.1/grave", severity="high"))
    for number, name in enumerate(("watched", "suspended")):
        row = Stands("lab", name, since=world.clock.now, set_by="ann", note="seen", changed_at=world.clock.now + number)
        async with world.store.write() as connection:
            await moves.note(connection, [row], by="ann")
            await store_standings.keep(connection, [msgspec.structs.asdict(row)])
    for _ in range(2):
        await world.run(alerts)
    told = [(request.url.path, msgspec.json.decode(request.content)) for request in world.receiver.got]
    assert sorted((path, one["type"], one["data"]["standing"]) for path, one in told) == [
        ("/grave", "standing.moved", "suspended"),
        ("/hook", "standing.moved", "suspended"),
        ("/hook", "standing.moved", "watched"),
    ]
    (_, first), *_ = [pair for pair in told if pair[1]["data"]["standing"] == "watched"]
    assert (first["data"]["was"], first["data"]["cause"], first["data"]["by"]) == ("normal", "person", "ann")


async def test_what_is_not_taken_is_tried_again_later_under_the_same_id(world: World) -> None:
    """After a growing wait, and until it is given up; another target is not kept waiting."""
    world.receiver.statuses = [500]
    alerts = world.alerts(hook=AlertTarget(url="http://127.0.0.1/hook", kinds=("terms",)))
    await world.find("a")
    await world.run(alerts)
    await world.run(alerts)
    assert len(world.receiver.got) == 1
    world.clock.now += deliveries.WAITS[0] * SECOND
    await world.run(alerts)
    first, second = world.receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.content == second.content
    assert world.notes == ["alert not taken"]
    world.clock.now += 1
    await world.find("b", principal="another")
    for wait in (0, *deliveries.WAITS):
        world.clock.now += wait * SECOND
        world.receiver.statuses = [500]
        await world.run(alerts)
    (given_up,) = [row for row in await deliveries.page(world.store) if row["error"]]
    assert given_up["done_at"] is not None
    assert given_up["attempts"] == len(deliveries.WAITS) + 1


async def test_a_target_is_told_what_it_asks_for(world: World, tmp_path: Path) -> None:
    """By kind and severity; a file gets a line each."""
    file = tmp_path / "told.jsonl"
    alerts = world.alerts(file=AlertTarget(file=str(file), format="jsonl", kinds=("terms",), severity="medium"))
    await world.find("a", severity="low")
    await world.find("b", kind="question")
    await world.find("c")
    await world.run(alerts)
    assert [msgspec.json.decode(line)["title"] for line in file.read_bytes().splitlines()] == ["About c"]
    assert file.stat().st_mode & 0o077 == 0


async def test_every_exchange_is_told_where_that_is_asked_for(world: World, tmp_path: Path) -> None:
    """Facts without content; what was not taken comes again, and nothing comes twice that was."""
    writer = Writer()
    writer.exchange(principal="research", request=b"a secret prompt")
    await ship(world.store, writer.batch())
    missing = tmp_path / "missing" / "told.jsonl"
    alerts = world.alerts(siem=AlertTarget(file=str(missing), format="ocsf", exchanges=True))
    await world.run(alerts)
    assert world.notes == ["exchanges not taken"]
    missing.parent.mkdir()
    for _ in range(2):
        await world.run(alerts)
    (line,) = missing.read_bytes().splitlines()
    told = msgspec.json.decode(line)
    assert (told["class_uid"], told["actor"]["user"]["name"]) == (6003, "research")
    assert b"secret prompt" not in line
