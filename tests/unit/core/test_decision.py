"""Calls that can only be made together."""

from proxy.core.decision import ALLOWED, NO_OBJECTION, Decision, Transform, Verdict, stricter_decision, stricter_verdict

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


def test_one_confirmed_verdict_of_the_strictest_confirms_it() -> None:
    """What nobody has read makes nothing doubtful that was read."""
    unread, read = Verdict("forbid", ("1",), confirmed=False), Verdict("forbid", ("2",))
    assert stricter_verdict(unread, read).confirmed
    assert not stricter_verdict(unread, Verdict("review")).confirmed


def test_each_transform_is_made_once() -> None:
    """Two lines of one carrier ask for the same change."""
    drop = Decision("flag", ("a",), transforms=(Transform("a", ("logprobs",)),))
    assert (
        stricter_decision(drop, Decision("flag", ("a",), transforms=(Transform("a", ("logprobs",)),))).transforms == drop.transforms
    )
