"""The names by which a policy speaks of a call."""

from __future__ import annotations

from datetime import UTC, datetime

from proxy.core.facts import RequestFacts
from proxy.core.principal import Principal
from proxy.core.references import Refer
from proxy.policy import names
from tests.unit.policy.calls import AT, call

PYTHON = {
    names.STRING: (str,),
    names.INT: (int,),
    names.DOUBLE: (float,),
    names.BOOL: (bool,),
    names.LIST: (list, tuple),
    names.MAP: (dict,),
    names.TIMESTAMP: (datetime,),
}


def test_each_name_has_a_value_of_its_type() -> None:
    """A call of which nothing is known has a value for every name, of the type that the table says."""
    bare = call(RequestFacts())
    for name in names.NAMES:
        assert type(name.get(bare)) in PYTHON[name.type], name.name
        assert not name.match or name.type in (names.STRING, names.LIST), name.name
        assert name.meaning


def test_what_was_not_said_has_the_value_that_providers_take() -> None:
    """Parameters left out read as providers read them, and `said` tells them from those that were said."""
    bare, given = call(RequestFacts()), call(RequestFacts(n=0, temperature=0.0, seed=0))
    assert [names.BY_NAME[each].get(bare) for each in ("n", "temperature", "top_p", "seed", "max_tokens")] == [1, 1.0, 1.0, 0, 0]
    assert [names.BY_NAME[each].get(given) for each in ("n", "temperature")] == [0, 0.0]
    assert names.BY_NAME["said"].get(bare) == []
    assert names.BY_NAME["said"].get(given) == ["n", "temperature", "seed"]


def test_texts_are_well_formed() -> None:
    """A lone surrogate in a client's word is a question mark, so that every evaluator can read it."""
    odd = call(RequestFacts(model="gpt\ud800", models=["é\udfff"]))
    assert names.BY_NAME["model"].get(odd) == "gpt?"
    assert names.BY_NAME["models"].get(odd) == ["é?"]


def test_time_is_that_of_the_query() -> None:
    """Hour, day and weekday are UTC, of the query itself."""
    sunday = call(RequestFacts())
    assert int(datetime(2026, 11, 22, 13, 30, tzinfo=UTC).timestamp()) * 1_000_000 == AT
    assert [names.BY_NAME[f"time.{each}"].get(sunday) for each in ("hour", "weekday", "day")] == [13, 7, "2026-11-22"]
    assert names.BY_NAME["time.at"].get(sunday) == datetime(2026, 11, 22, 13, 30, tzinfo=UTC)


def test_references_are_told_by_kind_and_origin() -> None:
    """Kinds of references, and whether one is unknown here or another's."""
    refers = (Refer("file:a", purpose="train.general", verdict="forbid", foreign=True), Refer("file:b", miss=True))
    made = call(RequestFacts(references=["file:a", "file:b"]), refers=refers)
    read = {
        each: names.BY_NAME[each].get(made)
        for each in ("references", "unresolved", "foreign", "refers.purposes", "refers.verdicts")
    }
    assert read == {
        "references": ["file"],
        "unresolved": True,
        "foreign": True,
        "refers.purposes": ["train.general"],
        "refers.verdicts": ["forbid"],
    }


def test_an_undeclared_purpose_is_not_declared() -> None:
    """`declared` is about the purpose, not about the principal."""
    assert not names.BY_NAME["declared"].get(call(RequestFacts(), principal=Principal("p"), purpose="undeclared"))
    assert names.BY_NAME["declared"].get(call(RequestFacts(), purpose="use.internal"))
