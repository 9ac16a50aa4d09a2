"""Calls that can only be made together."""

from proxy.core.decision import ALLOWED, NO_OBJECTION, Decision, Verdict, stricter_decision, stricter_verdict

FLAG = Decision("flag", ("a", "b"), ("1",), "flagged")
DENY = Decision("deny", ("b", "c"), ("2",), "denied")


def test_the_stricter_effect_decides_and_every_rule_is_named() -> None:
    """Whichever comes first."""
    assert stricter_decision(FLAG, DENY) == Decision("deny", ("a", "b", "c"), ("1", "2"), "denied")
    assert stricter_decision(DENY, FLAG) == Decision("deny", ("b", "c", "a"), ("2", "1"), "denied")
    assert stricter_decision(ALLOWED, FLAG) == FLAG
    assert stricter_decision(FLAG, ALLOWED) is FLAG


def test_the_stricter_verdict_holds() -> None:
    """With the clauses of both."""
    review, forbid = Verdict("review", ("1",)), Verdict("forbid", ("2",))
    assert stricter_verdict(review, forbid) == Verdict("forbid", ("1", "2"))
    assert stricter_verdict(NO_OBJECTION, review) == review
    assert stricter_verdict(review, NO_OBJECTION) is review
