"""The lines of a carrier, judged one by one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proxy.core.decision import Decision, Grant, Transform, Verdict
from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.dialects.carried import BATCH_LINE, LineMeaning
from proxy.dialects.lines import Carried
from proxy.gateway.lines import Judged
from proxy.ledger.record import Line
from tests.unit.gateway.stage import FakeSteps, Stage


class Judges(FakeSteps):
    """One word after the other."""

    def __init__(self, *words: tuple[Verdict, Decision, Grant]) -> None:
        super().__init__()
        self.words = list(words)

    def terms(self, exchange: Exchange) -> Verdict:
        """The next word's."""
        self.verdict, self.decision, self.grant = self.words.pop(0)
        return super().terms(exchange)


def carrier_of(stage: Stage) -> Exchange:
    """A carrier that has come as far as its body."""
    exchange = Exchange("rec_c", 1, 2, SimpleNamespace(head=SimpleNamespace(method="POST"), received=10))
    exchange.route = stage.house.routes.find("POST", b"/openai/v1/files")
    return exchange


def add(judged: Judged, tree: object, number: int = 0) -> Line:
    """A line."""
    meaning = LineMeaning(Stage().house.routes.find("POST", b"/openai/v1/files").dialect, BATCH_LINE, "", None).read(tree)
    return judged.add(Carried(number, 0, 1, b"x"), meaning, "d", 1, 2)


def test_the_strictest_of_all_lines_is_the_carriers() -> None:
    """Verdict and decision, each from whichever line has it; what the carrier itself is told counts too."""
    stage = Stage()
    carrier = carrier_of(stage)
    words = (
        (Verdict("review", ("a",), "silence", ("cite",)), Decision("flag", ("r",)), Grant()),
        (Verdict("allow"), Decision("deny", ("s",), ("c",), "no (rule s)"), Grant()),
        (Verdict("allow"), Decision(shadow=("t:deny",)), Grant()),
    )
    judged = Judged(carrier, Judges(*words), str.upper)
    lines = [add(judged, {}, number) for number in range(3)]
    judged.decide()
    assert [(line.verdict, line.decision) for line in lines] == [("review", "flag"), ("allow", "deny"), ("allow", "allow")]
    assert [(line.basis, line.obligations, line.shadow) for line in lines] == [
        ("silence", ("cite",), ()),
        ("", (), ()),
        ("", (), ("t:deny",)),
    ]
    assert carrier.verdict == Verdict("review", ("a",), "silence", ("cite",))
    told = "no (rule s) Line 1, counted from 0."
    assert carrier.decision == Decision("deny", ("r", "s"), ("c",), told, ("t:deny",), carried=("r", "s", "t:deny"))


@pytest.mark.parametrize(("count", "told"), [(2, "Lines 0, 1, counted from 0."), (25, "18, 19 and 5 more, counted from 0.")])
def test_a_denial_says_which_lines(count: int, told: str) -> None:
    """The first twenty, and how many more there are; beside what is said of the carrier itself."""
    carrier = carrier_of(Stage())
    carrier.decision = Decision("deny", ("q",), (), "not this either (rule q)")
    judges = FakeSteps()
    judges.decision = Decision("deny", ("r",), (), "no (rule r)")
    judged = Judged(carrier, judges, str.upper)
    for number in range(count):
        add(judged, {}, number)
    judged.decide()
    assert carrier.decision.message.startswith("not this either (rule q) no (rule r) Line")
    assert carrier.decision.message.endswith(told)


def test_a_denial_says_nothing_twice() -> None:
    """What the carrier or another line was told already is left out; what only one of many lines is told is said."""
    carrier = carrier_of(Stage())
    carrier.decision = Decision("deny", ("q", "r"), (), "not this (rule q) no (rule r)")
    told = ("no (rule r)", "nor that (rule s)", "no (rule r)")
    words = [(Verdict(), Decision("deny", (message[-2],), (), message), Grant()) for message in told]
    judged = Judged(carrier, Judges(*words), str.upper)
    for number in range(3):
        add(judged, {}, number)
    judged.decide()
    said = "not this (rule q) no (rule r) nor that (rule s) Lines 0, 1, 2, counted from 0."
    assert carrier.decision == Decision("deny", ("q", "r", "s"), (), said, carried=("s",))


def test_a_line_that_a_rule_would_change_is_denied() -> None:
    """The bytes of a file are not touched, so what a direct call may do after a change, a line may not."""
    judges = FakeSteps()
    judges.decision = Decision("flag", ("r",), transforms=(Transform("r", ("logprobs",)),))
    line = add(Judged(carrier_of(Stage()), judges, str.upper), {})
    assert (line.decision, line.rules) == ("deny", ("r",))


def test_limits_count_lines_and_what_they_may_use() -> None:
    """By rule: so many requests, and tokens by prompt and longest answer."""
    judges = FakeSteps()
    judges.decision = Decision("throttle", ("r",), throttles=("r",))
    judged = Judged(carrier_of(Stage()), judges, str.upper)
    for number in range(3):
        message = {"role": "user", "content": "x" * 40}
        add(judged, {"url": "/v1/chat/completions", "body": {"model": "m", "messages": [message], "max_tokens": 100}}, number)
    assert judged.spent == {"": [3, 30, 300], "r": [3, 330]}


def test_a_clients_own_names_are_hidden() -> None:
    """Its name for the line and its name for the user; neither stands in the facts."""
    judged = Judged(carrier_of(Stage()), FakeSteps(), str.upper)
    body = {"model": "m", "messages": [], "user": "ann"}
    line = add(judged, {"custom_id": "mine", "url": "/v1/chat/completions", "body": body})
    assert (line.custom_id, line.end_user, line.facts.end_user) == ("MINE", "ANN", None)


def test_models_are_named_once_and_not_without_end() -> None:
    """A file that asks for very many says so."""
    judged = Judged(carrier_of(Stage()), FakeSteps(), str.upper)
    for number in range(20):
        add(judged, {"url": "/v1/chat/completions", "body": {"model": f"m{number // 2}"}}, number)
    assert judged.counted(RequestFacts()).models == [f"m{number}" for number in range(10)]
    for number in range(20):
        add(judged, {"url": "/v1/chat/completions", "body": {"model": f"n{number}"}}, number)
    facts = judged.counted(RequestFacts())
    assert (len(facts.models), facts.flags, facts.lines) == (16, ["many_models"], 40)
