"""No expression that the estimate of cost lets through takes a millisecond."""

from __future__ import annotations

import pytest

from proxy.policy import bounds
from tests.hostile.expressions import BOUND_US, FORMS, REFERENCE, REFERENCE_US, allowed, calls, cost, slowest

BOMBS = ("models.all(a, models.all(b, attributes == attributes))", FORMS[6].format(" && ".join(["a == b"] * 20)))


def bound() -> float:
    """A millisecond, on the machine that the estimate was measured on: of processor time, so many times what a reference takes."""
    return BOUND_US / REFERENCE_US * cost(REFERENCE, calls())


def test_the_dearest_expressions_that_pass_take_less_than_a_millisecond() -> None:
    """Every test in every form that repeats it, as often as it may, over the longest lists and texts."""
    (taken, source), *_ = slowest()
    assert taken < bound(), source


@pytest.mark.parametrize("bomb", BOMBS)
def test_without_the_estimate_they_would_not(bomb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare maps, or lists of them, was once held to be free."""
    assert not allowed(bomb)
    monkeypatch.setattr(bounds, "_BUDGET", 1e9)
    assert allowed(bomb)
    assert cost(bomb, calls(), 1) > bound()
