"""Clients that leave in the middle: every one of them leaves a right outcome, and no upstream call behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.core.facts import AnswerFacts
from proxy.demo.scripted.seen import Seen
from proxy.ledger.record import Outcome, Position
from tests.torture.aborts import CLOSED_WITHIN, Abort, faults, run, unframed


def test_sixty_aborts(tmp_path: Path) -> None:
    """Sixty clients leave at random bytes: sixty right outcomes, and nothing stays open upstream."""
    report = run(60, tmp_path)
    assert not report.wrong, "\n".join(report.wrong)
    assert report.outcomes["client_gone"] >= 10
    assert report.outcomes["completed"] >= 5
    assert sum(report.outcomes.values()) == 60


@pytest.mark.long
def test_thousand_aborts(tmp_path: Path) -> None:
    """The same with a thousand."""
    report = run(1000, tmp_path, seed=2)
    assert not report.wrong, "\n".join(report.wrong)
    assert sum(report.outcomes.values()) == 1000


def test_calls_that_live_on_are_found(tmp_path: Path) -> None:
    """A gateway that goes on reading for clients that are gone, as a planted fault, is found out."""
    report = run(10, tmp_path, on_client_abort="drain")
    assert report.slowest > CLOSED_WITHIN
    assert any("after their clients had left" in fault for fault in report.wrong)


def outcome(kind: str, received: int, delivered: int) -> Outcome:
    """An outcome with these counts."""
    return Outcome(
        v=1,
        id="r",
        instance="i",
        epoch=1,
        seq=2,
        at=0,
        mono=0,
        intent=Position("i", 1, 1),
        outcome=kind,
        facts=AnswerFacts(),
        answer_bytes=received,
        delivered_bytes=delivered,
    )


@pytest.mark.parametrize(
    ("kind", "received", "delivered", "whole"),
    [
        ("cut", 50, 50, False),
        ("client_gone", 50, 50, True),
        ("client_gone", 50, 4, False),
        ("client_gone", 50, 51, False),
        ("client_gone", 101, 50, False),
        ("completed", 99, 99, False),
    ],
)
def test_wrong_outcomes_are_found(kind: str, received: int, delivered: int, *, whole: bool) -> None:
    """Another outcome, or counts that do not fit what client and upstream saw, are found out."""
    abort = Abort(1, "/", "", stream=False, leaves_after=0, resets=False, taken=b"HTTP/1.1 200 OK\r\n\r\nhello", whole=whole)
    seen = Seen(number=1, connection=1, answered=100)
    assert faults(abort, outcome(kind, received, delivered), seen)
    assert not faults(abort, outcome("completed", 100, 100), seen)


def test_body_seen() -> None:
    """A client's share of a body is counted without the chunks' framing, wherever it was cut."""
    framed = b"5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n"
    assert [unframed(framed[:cut]) for cut in (0, 1, 3, 5, 8, 12, 14, 16, len(framed))] == [0, 0, 0, 2, 5, 5, 6, 8, 15]
