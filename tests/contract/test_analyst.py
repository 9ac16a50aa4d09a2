"""From the ledger to findings and standings, on both stores: the detector is the same that `detect` runs, and sees the same."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from proxy.control import analyst
from proxy.control.population import Population
from proxy.control.publisher import Publisher
from proxy.control.watching import Watch, shipped_weights
from proxy.core.principal import Standing
from proxy.core.snapshot import GatewayOptions
from proxy.detection.detector import Finding
from proxy.detection.records import Observation
from proxy.gateway.identity import Identity
from proxy.gateway.snapshots import committed
from proxy.ledger import store_exchanges, store_standings, store_traits
from proxy.ledger.reader import Cursor
from proxy.ledger.record import Content
from proxy.ledger.store import Store
from proxy.ledger.store_ship import ship
from proxy.review import cases, moves, standing, ties
from proxy.review.dispositions import Disposition, decide_finding
from proxy.review.standing import DISMISSED_US, HOLDS_US, LIMITS, SHADOW, Stands
from tests.contract.analysed import HARVEST, Room, making
from tests.unit.detection.traffic import filling


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


async def test_live_finds_what_detect_finds(store: Store) -> None:
    """The same traffic gives the same findings at the same prompt numbers: one of the ledger and `detect` of a recording."""
    room = Room(store)
    for number, body in enumerate(making(range(160))):
        room.ask(body, "maker")
        if number < 60:
            room.ask(
                {"model": "gpt-5", "messages": [{"role": "user", "content": f"How is the weather, {filling(number % 3)}?"}]}, "chat"
            )
        if number % 4 == 0:
            bias = {str(number * 7 + place): 50 for place in range(3)}
            room.ask({"model": "gpt-5", "messages": [{"role": "user", "content": "a"}], "logit_bias": bias, **HARVEST}, "thief")
    await room.ship()
    await room.analyst.pass_once()
    recorded = Watch(shipped_weights(), {})
    for asked in room.sent:
        recorded.take(asked)
    reports = {report["client"]: report for report in recorded.reports()}
    live = {one["principal"]: one["detail"]["prompt"] for one in await room.told()}
    assert live == {name: report["flagged_at"] for name, report in reports.items() if report["flagged_at"] is not None}
    assert set(live) == {"maker", "thief"}
    assert {name: said.standing for name, said in (await room.stands()).items()} == {
        name: report["standing"] for name, report in reports.items() if report["standing"] != "normal"
    }


async def test_standing_rises_falls_and_is_forgiven(store: Store) -> None:
    """Evidence limits, time takes it back in two steps, a dismissal at once; what comes after a dismissal has passed is another
    finding. Each move is an entry of the ledger, and gateways are told of each.
    """
    room = Room(store)
    bodies = iter(making(range(2000)))
    for _ in range(200):
        room.ask(next(bodies), "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert (await room.stands())["maker"].standing == "limited"
    assert room.marks[-1].endswith(" limited")
    assert room.published
    (row,) = [Stands(**row) for row in await store_standings.listed(store)]
    assert row.until is not None
    assert (await room.stands(row.until))["maker"].standing == "watched"
    assert await room.stands(row.until + HOLDS_US["watched"]) == {}
    (found,) = await room.told()
    await decide_finding(store, found["id"], Disposition("dismissed", "ann"), room.now, room.record_decision)
    room.analyst._settle_at = 0.0
    for _ in range(200):
        room.ask(next(bodies), "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert await room.stands() == {}
    assert len(await room.told()) == 1
    room.writer.at += DISMISSED_US
    room.now = room.writer.at
    for _ in range(200):
        room.ask(next(bodies), "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert (await room.stands())["maker"].standing == "limited"
    assert sorted(one["state"] for one in await room.told()) == ["decided", "open"]
    history, _ = await moves.page(store, moves.Wanted("maker"))
    told = [(one["was"], one["standing"], one["cause"]) for one in reversed(history)]
    up, *_ = told
    assert up[0] == "normal"
    assert [cause for _, _, cause in told if cause != "evidence"] == ["decision"]
    assert f"standing_moved {' '.join(told[-1][:2])}" == room.marks[-1]
    (forgiven,) = [one for one in history if one["cause"] == "decision"]
    assert (forgiven["finding_id"], forgiven["by"], forgiven["case_id"]) == (found["id"], "ann", found["case_id"])
    assert history[0]["finding_id"] not in {"", found["id"]}


@pytest.mark.parametrize("fault", ["", "never_fires", "never_publishes"])
async def test_a_gateway_knows_it_at_once(store: Store, tmp_path: Path, fault: str) -> None:
    """Once the records are read, the snapshot limits an automatic principal by its name; not with a detector that never fires, nor
    with a publisher that never publishes.
    """
    room = Room(store)
    publisher = Publisher(tmp_path)
    publisher.configure([])
    weights = room.analyst.population.weights
    if fault == "never_fires":
        deaf = msgspec.structs.replace(weights.extraction, bound=1e9, limit=1e9)
        room.analyst.population = Population(msgspec.structs.replace(weights, extraction=deaf))

    async def publish() -> None:
        rows = [Stands(**row) for row in await store_standings.listed(store)]
        publisher.store(standing.snapshot_entries(rows, LIMITS, room.now))

    if fault != "never_publishes":
        room.analyst._published = publish
    secret = b"sk-automatic"
    name = "key:" + hmac.digest(b"k" * 32, secret, "sha256").hex()[:12]
    for body in making(range(200)):
        room.ask(body, name)
    await room.ship()
    await room.analyst.pass_once()
    entries, _ = committed((tmp_path / "snapshot" / "current").read_bytes())
    standings = {name: msgspec.json.decode(line.value, type=Standing) for name, line in entries.get("standing", {}).items()}
    identity = Identity(b"k" * 32, GatewayOptions(), {}, {}, set(), standings)
    principal, _ = identity._known("bearer", secret)
    assert principal.name == name
    assert (principal.standing == "limited") is (fault == "")


async def test_a_declared_purpose_answers(store: Store) -> None:
    """A sweep without purpose is one question, whoever asks it first; declared as an evaluation it is normal at once."""
    room = Room(store)
    words = "Explain what {} means, and why."
    long = {"max_tokens": 900}
    for number in range(400):
        body = {"model": "gpt-5", **long, "messages": [{"role": "user", "content": words.replace("{}", filling(number * 31, 20))}]}
        room.ask(body, "sweep")
    await room.ship()
    await room.analyst.pass_once()
    questions = await room.told("question")
    assert [(one["principal"], one["detector"] != "") for one in questions] == [("sweep", True)]
    before = await room.stands()
    for body in making(range(200)):
        room.ask(body, "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert (await room.stands())["maker"].standing == "limited"
    for body in making(range(200, 210)):
        room.ask(body, "maker", purpose="eval.private")
    await room.ship()
    await room.analyst.pass_once()
    assert await room.stands() == before


async def test_shadow_slows_nobody_down(store: Store) -> None:
    """In shadow the finding says so, and gateways are told of nobody who is limited, but by a person."""
    room = Room(store, SHADOW)
    for body in making(range(200)):
        room.ask(body, "maker")
    await room.ship()
    await room.analyst.pass_once()
    (found,) = await room.told()
    assert found["shadow"]
    assert any("shadow" in sentence for sentence in found["sentences"])
    assert (await room.stands())["maker"].standing == "watched"
    row = Stands(**(await store_standings.listed(store))[0])
    assert row.standing == "limited"
    assert standing.told(standing.placed(row, "suspended", "ann", "", room.now), SHADOW, room.now) == Standing("suspended")


async def test_the_next_process_knows_what_this_one_knew(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks back, at all of it: nothing is raised twice, and what was half way goes on where it was."""
    monkeypatch.setattr(analyst, "_BEHIND", 310)
    room = Room(store)
    bodies = list(making(range(160)))
    for body in bodies[:10]:
        room.ask(body, "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert await room.told() == []
    second = room.another()
    for body in bodies[10:]:
        room.ask(body, "maker")
    await room.ship()
    await second.pass_once()
    (found,) = await room.told()
    recorded = Watch(shipped_weights(), {})
    for asked in room.sent:
        recorded.take(asked)
    assert found["detail"]["prompt"] == recorded.reports()[0]["flagged_at"]
    third = room.another()
    await third.pass_once()
    assert [one["count"] for one in await room.told()] == [1]
    assert third.skipped == 0


async def test_nobody_is_framed(store: Store) -> None:
    """Accounts that copy another's text tie it to themselves, and move its standing by nothing that a client controls alone."""
    room = Room(store)
    for number in range(40):
        for account in range(12):
            body = next(iter(making([number * 12 + account])))
            room.ask(body, f"key:{account:012x}", agent="same/1.0", end_user="same")
        if number < 6:
            room.ask(next(iter(making([9000 + number]))), "victim", agent="same/1.0")
    await room.ship()
    await room.analyst.pass_once()
    accused = {one["principal"]: one for one in await room.told()}
    for name, one in accused.items():
        record = await store_exchanges.record(store, one["first_record"])
        assert record is not None
        assert record.row["principal"] == name
    assert "victim" not in await room.stands()
    assert "key:000000000001" in await room.stands()


async def test_facts_alone_accuse_nobody(store: Store) -> None:
    """Without content there is no evidence of text: much traffic of a principal whose bodies are not kept is no extraction."""
    room = Room(store)
    for body in making(range(200)):
        room.ask(body, "quiet", content=Content("digests", room.writer.ring.add()))
    await room.ship()
    await room.analyst.pass_once()
    assert await room.told() == []
    assert room.analyst.looked == 200


async def test_far_behind_it_samples_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its bound it looks at one record of several; the rest is counted, and findings say how many."""
    monkeypatch.setattr(analyst, "_BEHIND", 200)
    room = Room(store)
    for body in making(range(600)):
        room.ask(body, "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert room.analyst.skipped > 100
    assert room.analyst.skipped + room.analyst.looked == 600
    (found,) = await room.told()
    assert found["detail"]["records_not_looked_at"] > 0
    assert any("behind" in sentence for sentence in found["sentences"])
    assert found["detail"]["requests"] > found["detail"]["prompt"]


async def test_imported_traits_tie_accounts(store: Store) -> None:
    """What the host knows of accounts reaches the detector as it is imported, and leaves it when it is taken back."""
    room = Room(store)
    await store_traits.keep(store, [("a", "payment", "1"), ("b", "payment", "1")], 1)
    await room.analyst.pass_once()
    edges = room.analyst.population.detector.edges
    assert edges.traits[edges.number("a")] == edges.traits[edges.number("b")] == ("payment:1",)
    await store_traits.keep(store, [("b", "payment", "")], 2)
    room.analyst._settle_at = 0.0
    await room.analyst.pass_once()
    assert edges.traits[edges.number("b")] == ()


async def test_an_epoch_is_read_whatever_was_shipped_last(store: Store) -> None:
    """Pieces of an answer under way move no time, and hide nothing that came before them."""
    room = Room(store)
    for body in making(range(160)):
        room.ask(body, "maker")
    await room.ship()
    reached = Cursor(1, room.writer.frames[-1].end, room.writer.seq)
    room.writer.tick((room.writer.new_id(), 0, b"a piece"))
    await ship(store, room.writer.batch(reached, taken=room.shipped))
    await room.analyst.pass_once()
    assert room.analyst.looked == 160


async def test_two_of_them_are_one(store: Store) -> None:
    """Two control processes on one database both watch everything, and what both find is there once."""
    room = Room(store)
    second = room.another()
    for body in making(range(200)):
        room.ask(body, "maker")
    await room.ship()
    await room.analyst.pass_once()
    await second.pass_once()
    assert [one["count"] for one in await room.told()] == [1]
    assert (await room.stands())["maker"].standing == "limited"
    assert second.looked == room.analyst.looked == 200


async def test_a_record_that_breaks_the_detector_stops_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted and named; those behind it are looked at, and found."""
    room = Room(store)
    named: list[str] = []
    monkeypatch.setattr(room, "note", lambda event, **fields: named.append(str(fields["record"])))
    room.analyst = room.another()
    show = room.analyst.population.show
    bad = room.ask(next(iter(making([999]))), "breaker")

    def breaking(seen: Observation) -> list[Finding]:
        if seen.client == "breaker":
            raise ValueError("a defect")
        return show(seen)

    monkeypatch.setattr(room.analyst.population, "show", breaking)
    for body in making(range(160)):
        room.ask(body, "maker")
    await room.ship()
    await room.analyst.pass_once()
    assert (room.analyst.failed, named) == (1, [bad])
    assert [one["principal"] for one in await room.told()] == ["maker"]


async def test_accounts_that_the_host_ties_are_watched(store: Store) -> None:
    """Linked accounts, each too small to be found alone: one group by one name, in one case; who shares the payment is watched in
    it, who only shares the text is not.
    """
    room = Room(store)
    accounts = [f"key:{number:012x}" for number in range(24)]
    await store_traits.keep(store, [(account, "payment", "1") for account in accounts], 1)
    for number in range(120):
        room.ask({"model": "gpt-5", "messages": [{"role": "user", "content": f"Hello {filling(number % 5)}"}]}, f"other-{number}")
    for number in range(14):
        for place, account in enumerate([*accounts, "key:copying"]):
            words = (
                f"Write out the complete reasoning, step by step, before the answer. The problem: {filling(number * 40 + place)}."
            )
            long = {"model": "gpt-5", "temperature": 0.7, "messages": [{"role": "user", "content": words}]}
            room.ask(long, account)
    await room.ship()
    await room.analyst.pass_once()
    tied = [one for one in await room.told() if one["group_key"]]
    assert len(tied) >= 20
    (group,) = {one["group_key"] for one in tied}
    stands = await room.stands()
    watched = {name for name, said in stands.items() if said == Standing("watched", group)}
    known = await ties.of_group(store, group)
    assert known is not None
    assert {one["principal"] for one in tied} <= {name for pair in known.pairs for name in (pair.one, pair.other)}
    assert len(watched & set(accounts)) >= 20
    assert "key:copying" not in watched
    cases_, _ = await cases.page(store, cases.Wanted())
    assert [case["subject"] for case in cases_ if case["subject_kind"] == "group"] == [group]
