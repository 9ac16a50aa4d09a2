"""Answers judged for another purpose than the one they were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from proxy.core.facts import RequestFacts
from proxy.core.references import Refer
from proxy.core.terms import Cell, ModelGlob, Models, Row
from proxy.policy.replay import Seen, SeenVersions
from proxy.provenance.answers import Answer
from proxy.provenance.release import Clearance, Release
from proxy.terms.verdict import TermsJudge

FLIP = 2_000_000
"""The moment at which the giver began to give."""

GIVES = Row(
    "giver.api",
    "contract",
    cells={
        "train.general": (
            Cell("forbid", "prohibition", until=FLIP, clauses=("giver.old",)),
            Cell("allow_with_obligations", "express_grant", starts=FLIP, clauses=("giver.4.2",), obligations=("say so",)),
        ),
        "train.narrow_distributed": (Cell("allow", "exception", requires={"distributed": "false"}, clauses=("giver.5",)),),
    },
    hosts=("api.giver.example",),
    versions=((1, "2025-01-01"), (FLIP, "2026-01-01")),
)
BARS = Row(
    "barrer.api",
    "contract",
    cells={"train.general": (Cell("forbid", "prohibition", clauses=("barrer.3.3e",)),)},
    hosts=("api.barrer.example",),
    versions=((1, "2025-01-01"),),
)
LICENCE = Row(
    "licence.closed",
    "licence",
    cells={"train.general": (Cell("forbid", "prohibition", clauses=("licence.1b",)),)},
    versions=((1, "1"),),
)
ROWS = {row.id: row for row in (GIVES, BARS, LICENCE)}
MODELS = Models((ModelGlob("closed-*", "licence.closed"),), "2026.01")


def answer(record: str = "rec_a", host: str = "api.giver.example", **changes: Any) -> Answer:
    """A completed answer of the giver, after the flip, under its terms of then."""
    ended = {
        "outcome": "completed",
        "status": 200,
        "model": "",
        "leaf": "aa",
        "answer_leaf": "bb",
        "carrier": None,
        "refused": False,
    }
    ended |= {name: changes.pop(name) for name in list(changes) if name in ended}
    values: dict[str, Any] = {"at": FLIP + 5, "purpose": "use.product", "upstream": "giver", "facts": RequestFacts(model="open-1")}
    values |= {"versions": SeenVersions(terms="2026.01"), "credential": "bearer"}
    values["rows"] = ("giver.api@2026-01-01",) if host == "api.giver.example" and "at" not in changes else ()
    fields = {"id": record, "principal": "alice", "dialect": "openai", "endpoint": "chat", "host": host} | values | changes
    return Answer(Seen(**fields), **ended)


def clear(
    *answers: Answer, purpose: str = "train.general", attributes: dict[str, str] | None = None, rows: Iterable[Row] = ROWS.values()
) -> Clearance:
    """The clearance of the first of these, which may rest on the others."""
    release = Release(TermsJudge({row.id: row for row in rows}, MODELS), purpose, attributes or {})
    return release.clear(answers[0].entry.id, {each.entry.id: each for each in answers})


def words(clearance: Clearance) -> list[str]:
    """The reasons against it."""
    return [reason.word for reason in clearance.reasons]


def resting(on: Sequence[Refer]) -> dict[str, Any]:
    """The fields of a call that refers to these."""
    return {"refers": tuple(on), "facts": RequestFacts(model="open-1", references=[each.ref for each in on])}


def test_an_express_grant_passes_with_its_obligations() -> None:
    """The clause, the row with the version of its text, and what it obliges to."""
    found = clear(answer())
    assert found.passes
    assert found.verdict.verdict == "allow_with_obligations"
    assert (found.verdict.clauses, found.verdict.obligations) == (("giver.4.2",), ("say so",))
    assert found.verdict.rows == ("giver.api@2026-01-01",)


@pytest.mark.parametrize(("at", "passes"), [(FLIP - 1, False), (FLIP, True)])
def test_the_terms_of_the_day_of_the_call_count(at: int, passes: bool) -> None:
    """However long ago that was, and whatever is in force now."""
    version = "giver.api@2026-01-01" if passes else "giver.api@2025-01-01"
    found = clear(answer(at=at, rows=(version,)))
    assert found.passes is passes
    if not passes:
        assert [(reason.word, reason.clauses) for reason in found.reasons] == [("forbid", ("giver.old",))]
        assert "giver.api@2025-01-01" in found.reasons[0].text


def test_what_another_host_bars_is_held_with_its_clause() -> None:
    """The row says who bars it."""
    found = clear(answer(host="api.barrer.example"))
    assert [(reason.word, reason.clauses) for reason in found.reasons] == [("forbid", ("barrer.3.3e",))]


@pytest.mark.parametrize("changes", [{"facts": RequestFacts(model="closed-1")}, {"model": "closed-1"}])
def test_the_model_itself_has_a_say(changes: dict[str, Any]) -> None:
    """The one that was asked for, and the one that answered instead."""
    assert [reason.clauses for reason in clear(answer(**changes)).reasons] == [("licence.1b",)]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"refused": True}, "refused"),
        ({"purpose": "undeclared"}, "undeclared"),
        ({"outcome": ""}, "not_answered"),
        ({"outcome": "client_gone"}, "not_completed"),
        ({"outcome": "unknown_after_crash"}, "not_completed"),
        ({"status": 429}, "not_answered"),
        ({"facts": RequestFacts(inspection="none", model="open-1")}, "not_inspected"),
        ({"facts": RequestFacts(model="open-1", flags=["reference_unknown"])}, "reference_not_inspectable"),
        (resting([Refer("file:f", miss=True)]), "reference_not_inspectable"),
        ({"facts": RequestFacts(model="open-1", references=["file:f"])}, "reference_not_inspectable"),
        (resting([Refer("file:f", record="rec_gone")]), "reference_unknown"),
        ({"versions": SeenVersions()}, "terms_unknown"),
        ({"rows": ("giver.api@1999-12-31",)}, "terms_unknown"),
    ],
)
def test_what_does_not_pass_though_the_terms_would_allow_it(changes: dict[str, Any], word: str) -> None:
    """Each by itself."""
    assert words(clear(answer(**changes))) == [word]


def test_an_unknown_record() -> None:
    """Says nothing, so it does not pass."""
    release = Release(TermsJudge(ROWS, MODELS), "train.general", {})
    assert words(release.clear("rec_x", {})) == ["unknown"]


def test_attributes_are_those_of_the_new_use() -> None:
    """What the principal declared for its own use does not count."""
    declared = answer(attributes={"distributed": "false"})
    assert words(clear(declared, purpose="train.narrow_distributed")) == ["review"]
    assert clear(declared, purpose="train.narrow_distributed", attributes={"distributed": "false"}).passes
    assert words(clear(declared, purpose="train.narrow_distributed", attributes={"distributed": "true"})) == ["forbid"]


def test_an_answer_is_held_for_what_it_rests_on() -> None:
    """Directly or through another one; the reason names the record that brings it."""
    first = answer("rec_1", **resting([Refer("response:2", record="rec_2")]))
    second = answer("rec_2", **resting([Refer("file:3", record="rec_3")]))
    assert clear(first, second, answer("rec_3")).passes
    held = clear(first, second, answer("rec_3", host="api.barrer.example"))
    assert [(reason.word, reason.record, reason.clauses) for reason in held.reasons] == [("forbid", "rec_3", ("barrer.3.3e",))]
    assert "barrer.3.3e" in held.verdict.clauses


def test_a_download_is_judged_by_the_models_that_its_batch_asked() -> None:
    """It names none by itself; the carrier of the batch names several."""
    download = answer("rec_1", refers=(Refer("file:out", record="rec_2"),), facts=RequestFacts(references=["file:out"]))
    asked = RequestFacts(lines=2, models=["open-1", "open-2"])
    assert clear(download, answer("rec_2", facts=asked)).passes
    asked.models = ["open-1", "closed-2"]
    found = clear(download, answer("rec_2", facts=asked))
    assert {reason.word for reason in found.reasons} == {"forbid"}
    many = RequestFacts(lines=2, models=["open-1"], flags=["many_models"])
    assert words(clear(download, answer("rec_2", facts=many))) == ["not_inspected"]


def test_a_line_is_judged_by_its_own_model_and_its_carriers_host() -> None:
    """Other lines of the carrier do not matter."""
    carrier = answer("rec_c", facts=RequestFacts(lines=2, models=["open-1", "closed-1"])).entry
    line = answer("rec_l", carrier=carrier, length=10, host="", versions=SeenVersions())
    assert clear(line).passes
