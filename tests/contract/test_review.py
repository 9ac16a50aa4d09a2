"""Findings, cases, decisions and digests on SQLite and on PostgreSQL: raised once, gathered, decided, opened again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from proxy.core.errors import LedgerUnavailableError
from proxy.ledger import store_following
from proxy.ledger.store import Store
from proxy.ledger.store_following import Ended, OvertakenError
from proxy.ledger.store_ship import ship
from proxy.review import cases, digests, dispositions, findings, forgetting
from proxy.review.dispositions import Disposition
from proxy.review.judged import DAY_US
from proxy.review.raised import Contribution, Raised
from tests.ledgers import NOON, Writer


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(store_url)
    yield opened
    await opened.close()


class Marks:
    """A ledger that keeps what it is told, or refuses."""

    def __init__(self) -> None:
        self.kept: list[tuple[str, dict[str, str | int]]] = []
        self.away = False

    async def record(self, event: str, detail: dict[str, str | int]) -> None:
        """Keep."""
        if self.away:
            raise LedgerUnavailableError("disk full")
        self.kept.append((event, detail))


@pytest.fixture
def marks() -> Marks:
    return Marks()


def one(key: str = "k", at: int = NOON, **changes: Any) -> Raised:
    made = Raised(key, "terms", "low", "A title", f"rec_{at}", f"rec_{at}", at, at, principal="lab", rule="r", gathers=True)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


async def keep(store: Store, *raised: Raised, at: int = NOON) -> int:
    async with store.write() as connection:
        return await findings.keep(connection, raised, at)


async def listed(store: Store, **equal: Any) -> list[findings.Finding]:
    return (await findings.page(store, findings.Wanted(equal)))[0]


async def the_case(store: Store) -> cases.Case:
    (found,), _ = await cases.page(store, cases.Wanted())
    return found


async def test_a_finding_is_raised_once_and_counted(store: Store) -> None:
    """What comes again under its key moves the end and the count, and keeps everything else, whatever order it comes in."""
    told = one(sentences=("a", "b"), clauses=("c",), contributions=(Contribution("s", 1.5, "x"),), detail={"n": 1})
    assert await keep(store, told) == 1
    assert await keep(store, one(at=NOON + 5, count=3, title="Another", policies="abc"), at=NOON + 9) == 0
    assert await keep(store, one(at=NOON + 2)) == 0
    (found,) = await listed(store)
    assert (found["count"], found["first_at"], found["last_at"], found["last_record"]) == (5, NOON, NOON + 5, f"rec_{NOON + 5}")
    assert (found["title"], found["sentences"], found["clauses"]) == ("A title", ["a", "b"], ["c"])
    assert found["contributions"] == [{"signal": "s", "nats": 1.5, "sentence": "x"}]
    assert found["policies"] == "abc"
    assert (found["detail"], found["exculpatory"], found["state"], found["at"]) == ({"n": 1}, [], "open", NOON)
    async with store.write() as connection:
        assert await findings.keep_once(connection, [one(), one("other")], NOON) == 1
    assert sum(each["count"] for each in await listed(store)) == 6


async def test_findings_gather_in_one_case_a_subject(store: Store) -> None:
    """A principal has one case, a linked group one; a question opens none and is shown with one that is there."""
    question: dict[str, Any] = {"kind": "question", "gathers": False, "rule": ""}
    await keep(store, one("q", **question), one("about a clause", principal="", gathers=False))
    assert (await cases.page(store, cases.Wanted()))[0] == []
    await keep(store, one("a"), one("b", severity="high"))
    await keep(store, one("q2", **question), one("g", group_key="grp_1"), one("h", group_key="grp_1", principal="other"))
    found, _ = await cases.page(store, cases.Wanted())
    told = {(each["subject_kind"], each["subject"], each["findings"], each["open_findings"], each["severity"]) for each in found}
    assert told == {("principal", "lab", 4, 4, "high"), ("group", "grp_1", 2, 2, "low")}
    assert [each["case_id"] for each in await listed(store, principal="")] == [""]


async def test_a_case_goes_its_way(store: Store, marks: Marks) -> None:
    """Open, assigned, decided with all that is open in it, closed; each step is a mark, and its history tells all."""
    await keep(store, one("a"), one("b"))
    case = (await the_case(store))["id"]
    await dispositions.assign(store, case, "ann", NOON + DAY_US, "boss", NOON + 1, marks.record)
    assert ((await the_case(store))["state"], (await the_case(store))["due"]) == ("assigned", NOON + DAY_US)
    with pytest.raises(dispositions.NotNowError):
        await dispositions.close(store, case, "ann", NOON + 2, marks.record)
    await dispositions.note(store, case, "looked", "ann", NOON + 2, marks.record)
    await dispositions.decide_case(store, case, Disposition("confirmed", "ann", "so it is"), NOON + 3, marks.record)
    for each in await listed(store):
        assert (each["state"], each["decision"], each["decided_by"]) == ("decided", "confirmed", "ann")
    for _ in range(2):
        await dispositions.close(store, case, "ann", NOON + 4, marks.record)
    found, events = await cases.named(store, case)
    assert (found["state"], found["decision"], found["open_findings"], found["closed_at"]) == ("closed", "confirmed", 0, NOON + 4)
    assert [each["event"] for each in events] == ["opened", "assigned", "note", "decided", "closed"]
    assert [event for event, _ in marks.kept] == ["case_assigned", "case_noted", "case_decided", "case_closed"]
    assert marks.kept[2][1] == {
        "case": case,
        "subject": "lab",
        "findings": 2,
        "decision": "confirmed",
        "by": "ann",
        "note": "so it is",
    }
    for late in (
        dispositions.decide_case(store, case, Disposition("dismissed", "x"), NOON, marks.record),
        dispositions.assign(store, case, "x", None, "x", NOON, marks.record),
    ):
        with pytest.raises(dispositions.NotNowError):
            await late


async def test_the_last_decision_decides_the_case(store: Store, marks: Marks) -> None:
    """Findings decided one by one decide their case once none is open, with the strictest of their decisions."""
    await keep(store, one("a"), one("b"))
    first, second = await listed(store)
    await dispositions.decide_finding(store, first["id"], Disposition("confirmed", "ann"), NOON + 1, marks.record)
    assert (await the_case(store))["state"] == "open"
    await dispositions.decide_finding(store, second["id"], Disposition("dismissed", "bob", "no"), NOON + 2, marks.record)
    case = await the_case(store)
    assert (case["state"], case["decision"], case["open_findings"]) == ("decided", "confirmed", 0)
    found, events = await findings.named(store, second["id"])
    assert (found["decision"], found["note"]) == ("dismissed", "no")
    assert ("finding_decided", "bob") in {(each["event"], each["by"]) for each in events}
    assert {marks.kept[0][1].pop("about"), marks.kept[1][1].pop("about")} == {"a", "b"}
    told = {"finding": second["id"], "principal": "lab", "rule": "r", "decision": "dismissed", "by": "bob", "note": "no"}
    assert marks.kept[1] == ("finding_decided", told)


async def test_a_decision_and_new_evidence_at_once(store: Store, marks: Marks) -> None:
    """Whichever comes first, a case in which something is open is never left decided."""
    for number in range(15):
        who = f"lab{number}"
        await keep(store, one(f"first {number}", principal=who))
        (first,) = await listed(store, principal=who)
        await asyncio.gather(
            dispositions.decide_finding(store, first["id"], Disposition("dismissed", "ann"), NOON, marks.record),
            keep(store, one(f"second {number}", principal=who)),
        )
        (case,), _ = await cases.page(store, cases.Wanted({"subject": who}))
        assert (case["state"], case["open_findings"]) == ("open", 1)


async def test_what_cannot_be_recorded_is_not_decided(store: Store, marks: Marks) -> None:
    """While the ledger takes no entry nothing changes, neither the finding nor its case nor their history."""
    await keep(store, one())
    marks.away = True
    (before,), case = await listed(store), await the_case(store)
    for change in (
        dispositions.decide_finding(store, before["id"], Disposition("dismissed", "x"), NOON, marks.record),
        dispositions.decide_case(store, case["id"], Disposition("dismissed", "x"), NOON, marks.record),
        dispositions.assign(store, case["id"], "x", None, "x", NOON, marks.record),
        dispositions.note(store, case["id"], "x", "x", NOON, marks.record),
    ):
        with pytest.raises(LedgerUnavailableError):
            await change
    assert (await listed(store), await the_case(store)) == ([before], case)
    assert [each["event"] for each in (await cases.named(store, case["id"]))[1]] == ["opened"]


async def test_new_evidence_opens_a_case_again(store: Store, marks: Marks) -> None:
    """A repeat of what was decided counts and changes nothing; a new finding opens the case again, for whom it was assigned to."""
    await keep(store, one("monday"))
    case = (await the_case(store))["id"]
    await dispositions.assign(store, case, "ann", None, "ann", NOON, marks.record)
    await dispositions.decide_case(store, case, Disposition("dismissed", "ann"), NOON, marks.record)
    await dispositions.close(store, case, "ann", NOON, marks.record)
    await keep(store, one("monday", at=NOON + 1))
    assert (await the_case(store))["state"] == "closed"
    await keep(store, one("tuesday", at=NOON + DAY_US))
    again = await the_case(store)
    assert (again["state"], again["reopened"], again["open_findings"], again["closed_at"]) == ("assigned", 1, 1, None)


async def test_an_exemption_holds_until_its_day(store: Store, marks: Marks) -> None:
    """While it holds, the rule's next findings about that principal are born decided; after it they, and it, are open."""
    await keep(store, one("monday"))
    (first,) = await listed(store)
    exempt = Disposition("exempt", "ann", until=NOON + 7 * DAY_US)
    await dispositions.decide_finding(store, first["id"], exempt, NOON, marks.record)
    assert marks.kept[0][1]["until"] == NOON + 7 * DAY_US
    await keep(store, one("tuesday", at=NOON + DAY_US), one("another rule", rule="s", at=NOON + DAY_US, gathers=False))
    assert [each["decision"] for each in await listed(store, rule="r")] == ["exempt", "exempt"]
    assert [each["state"] for each in await listed(store, rule="s")] == ["open"]
    assert (await the_case(store))["state"] == "decided"
    await keep(store, one("monday", at=NOON + 8 * DAY_US))
    assert {each["id"]: each["state"] for each in await listed(store)}[first["id"]] == "open"
    assert ((await the_case(store))["state"], (await the_case(store))["reopened"]) == ("open", 1)


async def test_unknown_ids_are_named(store: Store, marks: Marks) -> None:
    """A finding or a case that is not there is an error of its own."""
    with pytest.raises(findings.NoSuchFindingError):
        await findings.named(store, "fnd_x")
    with pytest.raises(findings.NoSuchFindingError):
        await dispositions.decide_finding(store, "fnd_x", Disposition("dismissed", "x"), 1, marks.record)
    with pytest.raises(cases.NoSuchCaseError):
        await cases.named(store, "case_x")
    with pytest.raises(cases.NoSuchCaseError):
        await dispositions.note(store, "case_x", "n", "x", 1, marks.record)


async def test_pages_shift_by_nothing(store: Store) -> None:
    """Pages by keyset hold each finding and each case once, the newest first, also those of one microsecond."""
    for number in range(3):
        await keep(store, *(one(f"{number}.{n}", principal=f"p{number}{n}") for n in range(3)), at=NOON + number)
    asked: list[tuple[Any, Any]] = [(findings.page, findings.Wanted(since=NOON + 1)), (cases.page, cases.Wanted(since=NOON + 1))]
    for ask, wanted in asked:
        there, _ = await ask(store, wanted, limit=500)
        seen: list[str] = []
        cursor = None
        while True:
            items, cursor = await ask(store, wanted, limit=4, cursor=cursor)
            seen += [each["id"] for each in items]
            await keep(store, one(f"meanwhile {len(seen)}", principal=f"new {len(seen)}"), at=NOON + 99)
            if cursor is None:
                break
        assert seen == [each["id"] for each in there]


async def test_one_digest_a_day(store: Store) -> None:
    """The questions of a day are told of together once the day has ended, by whichever process is first, each question once."""
    noon = NOON // DAY_US * DAY_US + DAY_US // 2
    for number in range(3):
        await keep(store, one(f"q{number}", kind="question", principal=f"p{number}", gathers=False), at=noon + number)
    await keep(store, one("t"), at=noon)
    assert await digests.make(store, noon + 60) is None
    both = await asyncio.gather(digests.make(store, noon + DAY_US), digests.make(store, noon + DAY_US))
    (made,) = [each for each in both if each is not None]
    assert (made.kind, made.day, made.count) == ("question", noon // DAY_US, 3)
    assert "3 principals ask without a declared purpose: p0, p1, p2." in made.sentences[0]
    assert len(await listed(store, digest_day=made.day)) == 3
    await keep(store, one("q3", kind="question", principal="p3", gathers=False), at=noon + DAY_US)
    assert await digests.make(store, noon + DAY_US + 60) is None
    later = await digests.make(store, noon + 5 * DAY_US)
    assert later is not None
    assert (later.count, later.day) == (1, noon // DAY_US + 4)
    assert await digests.make(store, noon + 6 * DAY_US) is None
    assert await digests.listed(store) == [later, made]
    assert await digests.listed(store, before=later.day) == [made]


async def test_findings_go_with_their_evidence(store: Store, marks: Marks) -> None:
    """A finding goes when its last record is past its time, its case when it has none left, each with its history; others stay."""
    noon = NOON // DAY_US * DAY_US + DAY_US // 2
    await keep(store, one("old", principal="gone"), one("q", kind="question", principal="b", gathers=False), at=noon)
    await keep(store, one("old and new", principal="stays"), at=noon)
    await digests.make(store, noon + DAY_US)
    (gone,), _ = await cases.page(store, cases.Wanted({"subject": "gone"}))
    await dispositions.note(store, gone["id"], "x", "ann", noon, marks.record)
    await keep(store, one("old and new", at=NOON + 9 * DAY_US), at=noon + 9 * DAY_US)
    assert await forgetting.forget(store, noon - DAY_US) == 0
    assert await forgetting.forget(store, noon + 5 * DAY_US) == 3
    assert [each["principal"] for each in await listed(store)] == ["stays"]
    assert (await the_case(store))["subject"] == "stays"
    assert await digests.listed(store) == []
    async with store.read() as connection:
        told = (await connection.execute(text("SELECT case_id FROM case_events"))).scalars()
        assert set(told) == {(await the_case(store))["id"]}


async def test_a_reader_sees_each_record_once_it_has_ended(store: Store) -> None:
    """Exchanges come with their intent when their outcome is there, lines and refusals as they are; the place moves once."""
    writer = Writer()
    intent = writer.intent(writer.new_id())
    await ship(store, writer.batch())
    (place,) = await store_following.places(store, "r")
    assert await store_following.ended(store, place, place.after) == ([], place.upto)
    writer.outcome(intent, status=201)
    carrier = writer.carrier([b"{}", b"{}"])
    await ship(store, writer.batch())
    (place,) = await store_following.places(store, "r")
    read: list[Ended] = []
    after, seen = place.after, []
    while after < place.upto:
        read, after = await store_following.ended(store, place, after, 2)
        seen += [(each.kind, each.status) for each in read]
    assert seen == [("outcome", 201), ("line", 0), ("line", 0), ("outcome", 200)]
    assert carrier.encode() in read[-1].evidence
    async with store.write() as connection:
        await store_following.advance(connection, "r", place, after, NOON)
    with pytest.raises(OvertakenError):
        async with store.write() as connection:
            await store_following.advance(connection, "r", place, after, NOON)
    assert await store_following.places(store, "r") == []
    assert len(await store_following.places(store, "another")) == 1
    assert await store_following.answered(store, {"chat", "nobody"}) == {"chat"}


async def test_two_readers_count_nothing_twice(store: Store) -> None:
    """Of two processes that read the same entries at the same time one keeps what it found, the other nothing."""
    writer = Writer()
    writer.exchange()
    await ship(store, writer.batch())
    (place,) = await store_following.places(store, "r")

    async def conclude() -> bool:
        try:
            async with store.write() as connection:
                await store_following.advance(connection, "r", place, place.upto, NOON)
                await findings.keep(connection, [one()], NOON)
        except OvertakenError:
            return False
        return True

    assert sorted(await asyncio.gather(conclude(), conclude())) == [False, True]
    assert [each["count"] for each in await listed(store)] == [1]
    for _ in range(2):  # the same without a place: this is what would be counted
        await keep(store, one())
    assert [each["count"] for each in await listed(store)] == [3]


async def test_members_are_decided_but_those_left_out(store: Store, marks: Marks) -> None:
    """The case is decided with the last of them; of a closed one nothing is."""
    await keep(store, *(one(name, principal=name, group_key="g") for name in "abc"))
    case = (await the_case(store))["id"]
    confirmed = Disposition("confirmed", "ann")
    assert await dispositions.decide_members(store, case, confirmed, {"b"}, NOON + 1, marks.record) == 2
    assert {each["principal"]: each["decision"] for each in await listed(store)} == {"a": "confirmed", "b": "", "c": "confirmed"}
    assert (await the_case(store))["state"] == "open"
    assert await dispositions.decide_members(store, case, Disposition("dismissed", "ann"), (), NOON + 2, marks.record) == 1
    assert ((await the_case(store))["state"], (await the_case(store))["decision"]) == ("decided", "confirmed")
    assert [event for event, _ in marks.kept] == ["case_members_decided"] * 2
    await dispositions.close(store, case, "ann", NOON + 3, marks.record)
    with pytest.raises(dispositions.NotNowError):
        await dispositions.decide_members(store, case, confirmed, (), NOON + 4, marks.record)
