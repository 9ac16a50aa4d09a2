"""Who counts as an object's maker, and what it is found by."""

from __future__ import annotations

import pytest

from proxy.core.facts import AnswerFacts
from proxy.core.references import Refer, attributed, made_by, reference_key, strictest, subkey

BATCH = Refer("batch:b", record="rec_1", principal="alice")
KEY = subkey(b"k" * 32)


def test_a_key_belongs_to_one_deployment_one_upstream_and_one_object() -> None:
    """Neither another secret, nor another upstream, nor a name that runs into the upstream's finds the same object."""
    keys = {
        reference_key(KEY, "openai", "file:a"),
        reference_key(KEY, "azure", "file:a"),
        reference_key(KEY, "openai", "response:a"),
        reference_key(KEY, "open", "ai\0file:a"),
        reference_key(subkey(b"l" * 32), "openai", "file:a"),
    }
    assert len(keys) == 5
    assert {len(key) for key in keys} == {16}
    assert reference_key(KEY, "openai", "file:\ud800")


@pytest.mark.parametrize(
    ("facts", "made"),
    [
        (AnswerFacts(upstream_id="resp_1"), ["response:resp_1"]),
        (AnswerFacts(upstream_id="resp_1", created=["response:resp_1"]), ["response:resp_1"]),
        (AnswerFacts(upstream_id="resp_1", created=["conversation:c"]), ["response:resp_1", "conversation:c"]),
        (AnswerFacts(upstream_id="chatcmpl-1"), []),
        (AnswerFacts(created=["file:f"]), ["file:f"]),
    ],
)
def test_a_response_is_made_by_its_own_answer(facts: AnswerFacts, made: list[str]) -> None:
    """A stored response counts as made, whether or not the dialect says so, and once."""
    assert made_by(facts) == made


@pytest.mark.parametrize(
    ("method", "created", "refers", "expected"),
    [
        ("POST", ["batch:b"], [Refer("file:in", miss=True)], (["batch:b"], None)),
        ("GET", ["batch:b", "file:out"], [BATCH], (["file:out"], BATCH)),
        ("POST", ["batch:b", "file:out"], [BATCH], (["file:out"], BATCH)),
        ("GET", ["batch:b", "file:out"], [Refer("batch:b", miss=True)], ([], Refer("batch:b", miss=True))),
        ("GET", ["batch:b", "batch:c"], [], ([], None)),
        ("DELETE", ["file:f"], [], ([], None)),
    ],
)
def test_who_looks_at_an_object_has_not_made_it(
    method: str, created: list[str], refers: list[Refer], expected: tuple[list[str], Refer | None]
) -> None:
    """What an existing batch names comes from the batch, whoever asked; if nobody knows the batch, it is unknown too."""
    assert attributed(method, created, refers) == expected


def test_the_strictest_verdict_counts() -> None:
    """Verdicts are ordered, and one that this version does not know is not taken for a harmless one."""
    assert strictest("allow", "review", "") == "review"
    assert strictest("forbid", "allow_with_obligations") == "forbid"
    assert strictest("forbid", "quarantine") == "quarantine"
