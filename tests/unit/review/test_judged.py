"""What a record's evidence gives rise to: pure, by tables of cases."""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.rules import Rule
from proxy.ledger.record import encode
from proxy.review import judged
from proxy.review.judged import DAY_US, decode, raises, speaks_for_terms
from proxy.review.raised import UNACCEPTED, Raised, merge
from tests.ledgers import NOON, Writer

RULES = {
    rule.name: rule
    for rule in (
        Rule("terms", "deny", title="No training", clauses=("c.1",), match={"terms.verdict": ("forbid",)}, message="Ask legal."),
        Rule("wide", "flag", when="request.n > 8"),
        Rule("calm", "flag", once="principal"),
        Rule("unread", "flag", once="principal_endpoint"),
        Rule("granted", "allow"),
        Rule("slow", "throttle"),
        Rule("purpose", "flag", match={"purpose": ("undeclared",)}, once="principal", message="What for?"),
    )
}


def evidence(**changes: Any) -> bytes:
    """The evidence of an intent; members that intents of this version lack are added as a later one would have them."""
    writer = Writer()
    known = {name: value for name, value in changes.items() if name in type(writer.intent("rec_x")).__struct_fields__}
    intent = msgspec.json.decode(encode(writer.intent(writer.new_id(), **known)))
    return msgspec.json.encode(intent | changes)


def found(*, kind: str = "outcome", status: int = 200, accepted: bool = True, **changes: Any) -> list[Raised]:
    """What a record raises, read as `kind` with this status."""
    return list(raises(decode(evidence(**changes)), RULES, accepted=accepted, ended_well=judged.answered(kind, status)))


def test_most_records_raise_nothing() -> None:
    """A declared call that no rule and no term objects to says nothing, nor does a rule that allows or slows down."""
    assert found() == []
    assert found(verdict="allow_with_obligations", rules=("granted", "slow")) == []


def test_undeclared_is_asked_once_answered() -> None:
    """A call without purpose asks its principal a question, which is the same for every call, once an upstream has taken it."""
    one, other = found(purpose="undeclared"), found(purpose="undeclared", endpoint="embeddings", at=NOON + 9 * DAY_US)
    assert [(each.kind, each.severity, each.gathers) for each in one] == [("question", "notice", False)]
    assert one[0].key == other[0].key
    assert found(purpose="undeclared", status=401) == []
    assert found(purpose="undeclared", status=0) == []


def test_what_was_said_is_counted() -> None:
    """What came of earlier records of a slice is not put into words again, but counts, and says what was in force."""
    kinds: tuple[dict[str, Any], ...] = (
        {"purpose": "undeclared", "rules": ("calm",)},
        {"verdict": "review", "rules": ("unread", "gone"), "shadow": ("wide:flag",), "endpoint": "embeddings"},
        {"verdict": "forbid", "rules": ("wide",)},
        {"verdict": "forbid", "rules": ("wide",), "failed": ("wide",), "at": NOON + DAY_US},
    )
    passes = [{"at": NOON + second, "versions": {"policies": policies}} for second, policies in ((0, ""), (2, "p2"), (1, "p1"))]
    records = [decode(evidence(**(one | changes))) for one in passes for changes in kinds]
    plain: dict[str, Raised] = {}
    short: dict[str, Raised] = {}
    for record in records:
        for one in raises(record, RULES, accepted=True, ended_well=True):
            merge(plain, one)
        for one in raises(record, RULES, accepted=True, ended_well=True, said=short):
            merge(short, one)
    assert short == plain
    assert {one.count for one in short.values()} == {3}
    assert {one.policies for one in short.values()} == {"p2"}
    assert len(short) > 7


def test_a_rule_that_asks_for_a_purpose_is_the_question() -> None:
    """What it has to say is said once, in the question, and opens no case; in shadow or unanswered it says nothing."""
    (one,) = found(purpose="undeclared", rules=("purpose",), decision="flag")
    assert (one.kind, one.rule, one.sentences[-1], one.gathers) == ("question", "purpose", "What for?", False)
    assert one.key == found(purpose="undeclared")[0].key
    assert found(purpose="undeclared", rules=("purpose",), decision="flag", status=401) == []
    assert [each.kind for each in found(purpose="undeclared", shadow=("purpose:flag",))] == ["question"]


def test_a_denial_names_rule_and_clause() -> None:
    """The finding has the rule, every clause, the bundle, what was asked and what the client was told; and opens a case."""
    (one,) = found(
        kind="refusal",
        status=0,
        rules=("terms",),
        decision="deny",
        verdict="forbid",
        clauses=("c.2",),
        purpose="train.general",
        versions={"policies": "abc"},
    )
    assert (one.kind, one.rule, one.clauses, one.policies, one.severity) == ("terms", "terms", ("c.1", "c.2"), "abc", "medium")
    assert one.title == "No training: denied"
    assert one.sentences[0] == "chat asked openai for gpt-5 (chat), purpose train.general."
    assert one.sentences[1:] == ("The terms say forbid, by c.2.", "Ask legal.")
    assert one.gathers


def test_what_lines_matched_is_said_of_them_alone() -> None:
    """A carrier raises what matched itself; the rules that only its lines matched have raised theirs by then."""
    assert found(rules=("wide", "calm"), decision="flag", carried=("wide", "calm"), failed=("wide",)) == []
    (one,) = found(rules=("wide", "terms"), decision="deny", shadow=("calm:flag",), carried=("wide", "calm:flag"))
    assert one.rule == "terms"


def test_a_clients_words_stay_words() -> None:
    """What a client calls a model can neither colour a terminal, turn a line around nor fill a page."""
    (one,) = found(rules=("wide",), decision="flag", model_requested="\x1b[31mred\u202e\n" + "x" * 5000)
    assert one.sentences[0].isprintable()
    assert len(one.sentences[0]) < 200


def keys(**changes: Any) -> set[str]:
    """The keys that a rule's matches come to, over two endpoints and two days."""
    return {
        one.key
        for endpoint in ("chat", "embeddings")
        for at in (NOON, NOON + DAY_US)
        for one in found(endpoint=endpoint, at=at, decision="flag", **changes)
    }


def test_once_is_kept_to() -> None:
    """A rule's matches are one finding a principal, one an endpoint, or else one a day."""
    assert len(keys(rules=("calm",))) == 1
    assert keys(rules=("unread",)) == {"terms:flag:unread:chat:openai/chat", "terms:flag:unread:chat:openai/embeddings"}
    assert len(keys(rules=("wide",))) == 2


def test_shadow_is_told_apart() -> None:
    """A rule in shadow is a notice of its own that opens no case and says that nothing happened."""
    (one,) = found(shadow=("terms:deny",), verdict="forbid", purpose="train.general")
    assert (one.severity, one.shadow, one.gathers) == ("notice", True, False)
    assert one.title == "No training: would have been denied"
    assert one.key != found(rules=("terms",), verdict="forbid", purpose="train.general")[0].key


def test_a_verdict_that_no_rule_speaks_for() -> None:
    """What the terms object to of a declared purpose is found also where no rule asks for the verdict, and only there."""
    objected: dict[str, Any] = {"verdict": "forbid", "purpose": "train.general", "clauses": ("c.1",)}
    (alone,) = found(**objected)
    assert (alone.severity, alone.rule, alone.clauses) == ("high", "", ("c.1",))
    assert {one.rule for one in found(rules=("wide",), decision="flag", **objected)} == {"wide", ""}
    assert [one.rule for one in found(rules=("terms",), decision="deny", **objected)] == ["terms"]
    assert found(verdict="review", purpose="undeclared", status=500) == []
    assert speaks_for_terms(Rule("x", "flag", when='terms.verdict == "review"'))


def test_what_a_failed_condition_decided_is_said() -> None:
    """A rule that would flag and could not be evaluated has denied: the finding says what became of the call."""
    told = {one.kind: one.title for one in found(rules=("wide",), failed=("wide",), decision="deny")}
    assert told["terms"] == "wide: denied"


def test_a_condition_that_failed() -> None:
    """It is about the rule, not about who asked: one a rule and day."""
    one, other = (found(failed=("wide",), principal=name)[0] for name in ("chat", "eval"))
    assert (one.kind, one.key, one.principal) == ("integrity", other.key, "")


def test_made_up_keys_go_together() -> None:
    """What credentials that no upstream ever took do is one finding, however many there are."""
    both = [
        found(kind="refusal", status=0, accepted=False, rules=("terms",), decision="deny", principal=f"key:{n:012x}")[0]
        for n in range(2)
    ]
    assert both[0].key == both[1].key
    assert both[0].principal == UNACCEPTED
    assert judged.automatic("key:000000000000")
    assert not judged.automatic("chat")


def test_the_end_of_a_turn_is_not_read_twice() -> None:
    """A turn is written when it begins and when it has ended; the first is read, and a refused one."""
    writer = Writer()
    writer.turn("rec_c", 1, decision="flag")
    turn = msgspec.json.decode(writer.frames[-1].evidence) | {"rules": ["calm"]}
    counts = [
        len(list(raises(decode(msgspec.json.encode(turn | {"outcome": ended})), RULES, accepted=True, ended_well=True)))
        for ended in ("", "completed", "refused")
    ]
    assert counts == [1, 0, 1]


def test_a_rule_that_is_gone() -> None:
    """A match of a rule that is no longer in force has the record's own effect, and is not said twice."""
    (one,) = found(rules=("gone",), decision="deny", verdict="forbid", purpose="train.general")
    assert (one.rule, one.title) == ("gone", "gone: denied")
