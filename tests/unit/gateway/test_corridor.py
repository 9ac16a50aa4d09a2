"""The one way of every exchange: its order, its two waits, its figures, and what no client and no failure can undo."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from proxy.core.decision import Decision, Grant, Verdict
from proxy.core.errors import UpstreamError
from proxy.gateway.corridor import Corridor
from proxy.gateway.long_lines import InThread
from proxy.gateway.refusal import Refused
from tests.unit.gateway.stage import CHAT, Stage, get, post, status_of, told_error, whole


def unsent_before_the_intent(corridor: type[Corridor] = Corridor) -> Stage:
    """Hold the intent back, look upstream, let it go.

    Raises: AssertionError when anything went upstream before the intent was durable.
    """
    stage = Stage(corridor=corridor)
    stage.ledger.holds.add("intent")
    stage.client(post())
    assert not stage.callee.transports, "called upstream before the intent was durable"
    stage.ledger.let()
    assert stage.events == ["intent", "sent"]
    return stage


def test_intent_before_the_first_byte() -> None:
    """No byte goes upstream, not even a connection is opened, before the intent is durable."""
    unsent_before_the_intent()


def test_the_check_can_fail() -> None:
    """A corridor that does not wait for its intent is found out."""

    class Hasty(Corridor):
        async def _record_intent(self, exchange: Any, house: Any) -> Any:
            self._ledger.settle("intent", None)  # type: ignore[attr-defined]
            return True

    with pytest.raises(AssertionError, match="before the intent"):
        unsent_before_the_intent(Hasty)


def test_order() -> None:
    """Intent, upstream, outcome, client: nothing overtakes."""
    stage = Stage()
    stage.client(post())
    stage.upstream.feed(whole())
    assert stage.events == ["intent", "sent", "outcome", "told"]
    assert stage.steps.asked == ["terms", "policy", "limit"]
    assert stage.outcome.id == stage.intent.id
    stage.check_figures()


def test_steps_decide() -> None:
    """What terms and policy said is in the intent of what goes on."""
    stage = Stage()
    stage.steps.verdict = Verdict("review", ("clause.1",))
    stage.steps.decision = Decision("flag", ("rule",), ("clause.2",))
    stage.client(post())
    intent = stage.intent
    assert (intent.verdict, intent.decision, intent.clauses, intent.rules) == (
        "review",
        "flag",
        ("clause.1", "clause.2"),
        ("rule",),
    )


def test_denied_goes_nowhere() -> None:
    """What policy denies is recorded before it is answered, and never sent."""
    stage = Stage()
    stage.steps.decision = Decision("deny", ("r",), (), "no")
    stage.ledger.holds.add("refusal")
    client = stage.client(post())
    assert not client.taken
    stage.ledger.let()
    assert (status_of(client.taken), stage.sent, stage.events) == (403, b"", ["refusal", "told"])
    assert stage.ledger.streams[0].body == CHAT


def test_what_is_denied_is_let_go() -> None:
    """No ring of references keeps its body, and the set of rules that denied it, until the collector comes by."""
    gc.collect()
    gc.disable()
    try:
        stage = Stage()
        stage.steps.decision = Decision("deny", ("r",))
        assert status_of(stage.client(post()).taken) == 403
        assert not [each for each in gc.get_objects() if isinstance(each, Refused)]
    finally:
        gc.enable()


def test_refusal_that_cannot_be_recorded() -> None:
    """A refusal stands even when the ledger cannot take it; the gap is counted."""
    stage = Stage()
    stage.steps.grant = Grant(granted=False, wait=1, limit="x")
    stage.ledger.fails.add("refusal")
    client = stage.client(post())
    assert (status_of(client.taken), stage.corridor.stats.unrecorded, stage.sent) == (429, 1, b"")
    stage.check_figures()


def test_refused_before_it_was_known() -> None:
    """A request refused by its path alone has a record too, of nobody."""
    stage = Stage()
    stage.client(get(b"/nobody"))
    assert (stage.refusal.principal, stage.refusal.upstream, stage.ledger.streams[0].principal) == ("nobody", "", "nobody")


# --- a ledger that fails


@pytest.mark.parametrize("later", [True, False])
def test_intent_fails(*, later: bool) -> None:
    """Without a durable intent the answer is 503 with a wait of one second, and nothing goes upstream."""
    stage = Stage()
    (stage.ledger.holds if later else stage.ledger.fails).add("intent")
    client = stage.client(post())
    if later:
        stage.ledger.let(fail=True)
    assert (status_of(client.taken), stage.sent) == (503, b"")
    assert b"\r\nretry-after: 1\r\n" in client.taken
    assert told_error(client.taken)["code"] == "ledger_unavailable"
    stage.check_figures()


def test_serving_without_a_ledger() -> None:
    """With `on_failure: serve` the exchange goes on, and its gap is counted."""
    stage = Stage(ledger={"on_failure": "serve"})
    stage.ledger.fails |= {"intent", "outcome"}
    client = stage.client(post())
    stage.upstream.feed(whole())
    assert (status_of(client.taken), stage.corridor.stats.unrecorded) == (200, 1)
    assert stage.entries("outcome") == []
    stage.check_figures()


def test_serving_when_the_outcome_fails() -> None:
    """With `serve` a lost outcome does not cost the client its answer."""
    stage = Stage(ledger={"on_failure": "serve"})
    stage.ledger.fails.add("outcome")
    client = stage.client(post())
    stage.upstream.feed(whole())
    assert (status_of(client.taken), stage.corridor.stats.unrecorded) == (200, 1)


def test_upstream_and_outcome_fail() -> None:
    """When neither answer nor outcome can be had the client hears of the ledger, with a wait."""
    stage = Stage()
    stage.callee.fails = UpstreamError("connection refused")
    stage.ledger.fails.add("outcome")
    client = stage.client(post())
    assert (status_of(client.taken), told_error(client.taken)["code"]) == (503, "ledger_unavailable")


@pytest.mark.parametrize(("answer", "released"), [("never", 0), ("head", 0), ("broken", 1), ("refused", 1)])
def test_hanging_up_gives_no_limit_back(answer: str, released: int) -> None:
    """What was sent counts when its client leaves; what the upstream failed to answer does not."""
    stage = Stage()
    stage.steps.grant = Grant(held=object())
    if answer == "refused":
        stage.callee.fails = UpstreamError("connection refused")
    client = stage.client(post())
    if answer == "head":
        stage.upstream.feed(whole()[:-1])
    if answer == "broken":
        stage.upstream.lose(ConnectionResetError())
    else:
        client.lose(ConnectionResetError())
    assert len(stage.steps.released) == released


# --- nobody's child


@pytest.mark.parametrize("what", ["intent", "outcome"])
def test_hang_up_cannot_cancel(what: str) -> None:
    """A client that hangs up during either wait still leaves an intent and an outcome."""
    stage = Stage()
    stage.ledger.holds.add(what)
    client = stage.client(post())
    if what == "outcome":
        stage.upstream.feed(whole())
    client.lose(ConnectionResetError())
    stage.ledger.holds.clear()
    stage.ledger.let()
    stage.loop.run()
    assert stage.events.count("intent") == stage.events.count("outcome") == 1
    assert stage.outcome.outcome == ("client_gone" if what == "intent" else "completed")
    stage.check_figures()


def test_a_defect_is_not_an_answer() -> None:
    """A defect of ours breaks the connection, is counted and told, and stops nothing else."""
    stage = Stage()

    def broken(_exchange: Any) -> Any:
        raise ZeroDivisionError

    stage.steps.policy = broken  # type: ignore[method-assign]
    client = stage.client(post())
    assert (client.aborted, stage.sent, stage.corridor.stats.faults) == (True, b"", 1)
    assert isinstance(stage.faults.pop(), ZeroDivisionError)
    del stage.steps.policy
    other = stage.client(post())
    stage.upstream.feed(whole())
    assert status_of(other.taken) == 200


# --- figures


def test_figures() -> None:
    """Admitted are the forwarded and the refused; forwarded are the ends and what is open; entries tell the same."""
    stage = Stage()
    client = stage.client(post())
    stage.upstream.feed(whole())
    client.feed(get(b"/nobody"))
    gone = stage.client(post())
    gone.end()
    stage.client(post())
    stage.upstream.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")
    stage.upstream.lose(ConnectionResetError())
    open_ = stage.client(post())
    stats = stage.corridor.stats
    stage.check_figures()
    assert (stats.admitted, stats.forwarded, stats.refused, stats.open) == (5, 4, 1, 1)
    assert stats.ends == {"completed": 1, "upstream_error": 1, "client_gone": 1, "cut": 0}
    assert len(stage.corridor.relays) == 0
    stage.upstream.feed(whole())
    assert open_.taken
    stage.check_figures()
    assert stats.open == 0
    assert len(stage.entries("intent")) == len(stage.entries("outcome")) == 4


def test_exchanges_keep_their_house() -> None:
    """A walk keeps the snapshot it began with; the next one has the new."""
    stage = Stage()
    stage.ledger.holds.add("intent")
    stage.client(post())
    newer = Stage().house
    newer.number = 8
    stage.corridor.house = newer
    stage.ledger.holds.clear()
    stage.ledger.let()
    stage.client(post())
    assert [intent.versions.snapshot for intent in stage.entries("intent")] == [7, 8]


def test_long_bodies_are_read_aside() -> None:
    """What would hold the loop for milliseconds is read in a thread; the walk waits for it."""
    stage = Stage()
    work: list[Any] = []
    held = stage.corridor._aside

    def later(job: Any) -> Any:
        work.append(job)
        return held(job)

    stage.corridor._aside = later
    stage.corridor._carriers.reader = InThread(later)
    body = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * 300_000 + b'"}]}'
    stage.client(post(body=body))
    assert (len(work), stage.intent.facts.prompt_chars) == (1, 300_000)
    answer = whole(b'{"choices":[{"message":{"content":"' + b"y" * 300_000 + b'"}}]}', b"Content-Type: application/json")
    stage.upstream.feed(answer)
    assert (len(work), stage.outcome.facts.text_chars) == (2, 300_000)


def test_strictness_holds_aside() -> None:
    """A long body is refused for the same reasons as a short one."""
    stage = Stage()
    client = stage.client(post(body=b'{"a":1,"a":2,"x":"' + b"x" * 300_000 + b'"}'))
    assert (status_of(client.taken), stage.sent) == (400, b"")
