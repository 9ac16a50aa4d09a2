"""Clauses that have to be read again."""

from __future__ import annotations

from proxy.core.terms import Clause, Unsaid
from proxy.review.clauses import due, silent
from proxy.review.judged import DAY_US
from tests.ledgers import NOON


def keys(now: int, **changes: object) -> list[tuple[str, str]]:
    clause = Clause("openai.3e", "openai.services", summary="No training.", review_by=NOON, rows=("openai.api",))
    for name, value in changes.items():
        clause = Clause(**{field: getattr(clause, field) for field in clause.__struct_fields__} | {name: value})
    return [(one.key, one.severity) for one in due([clause], now)]


def test_a_clause_is_told_of_thirty_days_ahead() -> None:
    """Not before; when the day has passed the finding is the same one; when the date is moved it is another."""
    assert keys(NOON - 30 * DAY_US) == []
    ahead = keys(NOON - 30 * DAY_US + 1)
    assert ahead == [("terms:clause:openai.3e:2026-09-21", "notice")]
    assert keys(NOON + DAY_US) == [(ahead[0][0], "low")]
    assert keys(NOON, review_by=NOON + DAY_US) != ahead
    assert keys(NOON, gone=1) == keys(NOON, review_by=None) == []


def test_silence_is_told_of_once_a_day_for_all_rows() -> None:
    """Thirty days ahead as well: on that day every use that no clause speaks of becomes a review, clauses or not."""
    unsaid = [Unsaid(NOON, ("openai.api", "anthropic.api")), Unsaid(NOON + 90 * DAY_US, ("xai.api",))]
    assert list(silent(unsaid, NOON - 30 * DAY_US)) == []
    (ahead,) = silent(unsaid, NOON - 30 * DAY_US + 1)
    assert (ahead.key, ahead.severity, ahead.clauses) == ("terms:silence:2026-09-21", "notice", ())
    assert "openai.api, anthropic.api" in ahead.sentences[0]
    assert [one.severity for one in silent(unsaid, NOON)] == ["low"]
