"""Sums of whole numbers; tests/property/test_expressions.py holds all terms against CEL."""

from __future__ import annotations

import pytest

from proxy.core.facts import RequestFacts
from proxy.policy.names import INT
from proxy.policy.plain_terms import INT64, SUMS, constant, summed
from tests.unit.policy.calls import call


@pytest.mark.parametrize(
    ("one", "mark", "other", "sum_"),
    [
        (-7, "/", 2, -3),
        (-7, "%", 2, -1),
        (7, "%", -2, 1),
        (7, "/", 0, None),
        (7, "%", 0, None),
        (INT64[-1], "+", 1, None),
        (INT64[0], "-", 1, None),
        (INT64[0], "/", -1, None),
        (INT64[0], "%", -1, None),
        (INT64[0], "*", -1, None),
        (INT64[-1], "*", 1, INT64[-1]),
    ],
)
def test_sums_are_those_of_64_bits(one: int, mark: str, other: int, sum_: int | None) -> None:
    """Towards zero; what is beyond has no value."""
    term = summed(SUMS[mark], constant(INT, one), constant(INT, other))
    assert term.fails
    if sum_ is None:
        with pytest.raises(LookupError):
            term.get(call(RequestFacts()))
    else:
        assert term.get(call(RequestFacts())) == sum_
