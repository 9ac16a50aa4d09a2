"""The lines of a carrier, judged one by one."""

from __future__ import annotations

from proxy.core.decision import Decision, Grant, Verdict
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
    exchange = Exchange("rec_c", 1, 2, None)
    exchange.route = stage.house.routes.find("POST", b"/openai/v1/files")
    return exchange


def add(judged: Judged, tree: object, number: int = 0) -> Line:
    """A line."""
    meaning = LineMeaning(Stage().house.routes.find("POST", b"/openai/v1/files").dialect, BATCH_LINE, "", None).read(tree)
    return judged.add(Carried(number, 0, 1, b"x"), meaning, "d", 1, 2)


def test_the_strictest_of_all_lines_is_the_carriers() -> None:
    """Verdict, decision and the longest wait, each from whichever line has it; what the carrier itself is told counts too."""
    stage = Stage()
    carrier = carrier_of(stage)
    words = (
        (Verdict("review", ("a",)), Decision("flag", ("r",)), Grant(granted=False, wait=3, limit="l")),
        (Verdict("allow"), Decision("deny", ("s",), ("c",), "no"), Grant(granted=False, wait=2)),
        (Verdict("allow"), Decision(), Grant()),
    )
    judged = Judged(carrier, Judges(*words), str.upper)
    lines = [add(judged, {}, number) for number in range(3)]
    judged.decide()
    assert [(line.verdict, line.decision) for line in lines] == [("review", "flag"), ("allow", "deny"), ("allow", "allow")]
    assert carrier.verdict == Verdict("review", ("a",))
    assert carrier.decision == Decision("deny", ("r", "s"), ("c",), "no")
    assert (carrier.grant.wait, carrier.grant.limit) == (3, "l")


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
