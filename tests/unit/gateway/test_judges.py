"""Exchanges become calls; what limits count is taken before they are made, and settled after."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from proxy.core.buckets import Reservation, Wanted
from proxy.core.call import Call
from proxy.core.decision import GRANTED, Decision, Grant, Verdict
from proxy.core.exchange import Exchange
from proxy.core.rules import Bundle, Limit, Rate, Rule
from proxy.core.snapshot import UpstreamOptions
from proxy.gateway.allowances import Allowances
from proxy.gateway.judges import Judges
from tests.unit.gateway.stage import Stage, post, status_of, told_error, whole

VERDICT = Verdict("review", ("c.1",), "silence", ("cite",), ("openai.api@2026-01-01",), confirmed=False, assumed="use.internal")
THROTTLE = Decision("throttle", ("p/t",), throttles=("p/t",))
BODY = b'{"model":"m","max_tokens":100,"n":2,"messages":[{"role":"user","content":"0123456789"}]}'


class Bench:
    """Terms, policy and limiter that answer as told and remember what they were asked."""

    def __init__(self, decision: Decision, grant: Grant = GRANTED) -> None:
        self.decision, self.grant = decision, grant
        self.calls: list[Call] = []
        self.counted: list[object] = []

    def judge(self, call: Call) -> Verdict:
        """What the terms say."""
        self.calls.append(call)
        return VERDICT

    def decide(self, call: Call) -> Decision:
        """What the rules say, once the terms have spoken."""
        assert call.verdict is VERDICT
        return self.decision

    def reserve(self, wanted: Wanted, now: float, prompt: int = 0, *, credit: bool = False) -> Grant:
        """Take it."""
        self.counted.append(("reserve", [(bucket.key[0], bucket.kind, amount) for bucket, amount in wanted]))
        self.prompt = prompt
        return self.grant

    def settle(self, held: Reservation, used: Mapping[str, int], now: float) -> None:
        """It was used."""
        self.counted.append(("settle", dict(used)))

    def release(self, held: Reservation, now: float) -> None:
        """It was not."""
        self.counted.append(("release",))

    def ended(self, held: Reservation) -> None:
        """It is no longer open."""
        self.counted.append(("ended",))


def judged(bench: Bench, limits: Mapping[str, Limit] | None = None) -> Stage:
    """A gateway with these judges."""
    upstream = UpstreamOptions("openai", "openai", "http://api.openai.test", contract="ours", model_licence="mit")
    stage = Stage(upstreams={"openai": upstream})
    throttles = {"p/t": Rule("p/t", "throttle", requests=Rate(1, 1.0), tokens=Rate(1, 1.0))}
    stage.house.judges = Judges(bench, bench, bench, Allowances(throttles, limits), Bundle("b" * 64, "2026.11"))
    return stage


def test_a_call_is_what_the_exchange_is_about() -> None:
    """Everything a judge may look at, from where it stands in the exchange."""
    bench = Bench(Decision())
    stage = judged(bench)
    stage.client(post(b"/openai/v1/chat/completions", BODY))
    (call,) = bench.calls
    assert (call.at, call.upstream, call.host, call.dialect) == (stage.intent.at, "openai", "api.openai.test", "openai")
    assert (call.endpoint, call.method, call.purpose, call.size) == ("chat", "POST", "undeclared", len(BODY))
    assert (call.contract, call.licence, call.facts.model, call.credential.kind) == ("ours", "mit", "m", "bearer")
    assert call.principal.name == stage.intent.principal


def test_what_was_decided_is_recorded() -> None:
    """By whom, on which grounds, and by which set."""
    bench = Bench(Decision("flag", ("p/f",), ("c.1", "c.2"), shadow=("p/s:deny",), obligations=("cite", "label"), exempt=("p/e",)))
    stage = judged(bench)
    stage.client(post())
    intent = stage.intent
    assert (intent.verdict, intent.decision, intent.clauses, intent.rules) == ("review", "flag", ("c.1", "c.2"), ("p/f",))
    assert (intent.basis, intent.obligations, intent.rows) == ("silence", ("cite", "label"), ("openai.api@2026-01-01",))
    assert (intent.confirmed, intent.assumed, intent.shadow, intent.exempt) == (False, "use.internal", ("p/s:deny",), ("p/e",))
    versions = intent.versions
    assert (versions.snapshot, versions.contract, versions.licence) == (7, "ours", "mit")
    assert (versions.terms, versions.policies) == ("2026.11", "b" * 16)


def test_a_denial_says_what_the_terms_say() -> None:
    """The rule's own message, and the clauses that it does not name; the record holds the decision."""
    stage = judged(Bench(Decision("deny", ("p/d",), ("c.2",), "No. (rule p/d; clause c.2)")))
    client = stage.client(post())
    assert status_of(client.taken) == 403
    message = told_error(client.taken)["message"]
    assert message.startswith("No. (rule p/d; clause c.2) The terms say review: c.1.")
    assert stage.refusal.id in message
    assert (stage.refusal.decision, stage.refusal.clauses, stage.refusal.basis) == ("deny", ("c.1", "c.2"), "silence")
    assert (stage.refusal.versions.policies, stage.sent) == ("b" * 16, b"")


def test_what_a_call_may_use_is_reserved_and_what_it_used_is_settled() -> None:
    """A request, and tokens by prompt and longest answer; then those that the provider counted."""
    bench = Bench(THROTTLE, Grant(held=Reservation([], [])))
    stage = judged(bench)
    stage.client(post(b"/openai/v1/chat/completions", BODY))
    assert bench.counted == [("reserve", [("p/t", "requests", 1), ("p/t", "tokens", 202)])]
    usage = b'{"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}'
    stage.upstream.feed(whole(usage, b"Content-Type: application/json"))
    assert bench.counted[1:] == [("settle", {"tokens": 7, "input_tokens": 3, "output_tokens": 4, "reasoning_tokens": 0})]
    stage.check_figures()


@pytest.mark.parametrize("what", ["intent", "upstream", "overloaded"])
def test_what_a_call_came_to_nothing_held_is_released(what: str) -> None:
    """The ledger did not take its intent, the upstream broke off or had no time: what is asked again then counts once."""
    bench = Bench(THROTTLE, Grant(held=Reservation([], [])))
    stage = judged(bench)
    if what == "intent":
        stage.ledger.fails.add("intent")
    stage.client(post())
    if what == "upstream":
        stage.upstream.lose(ConnectionResetError())
    elif what == "overloaded":
        stage.upstream.feed(whole(b"{}", status=b"529 Overloaded"))
    assert bench.counted[1:] == [("release",)]


def test_a_call_that_was_wrong_used_no_tokens() -> None:
    """What was estimated comes back; the request counts."""
    bench = Bench(THROTTLE, Grant(held=Reservation([], [])))
    stage = judged(bench)
    stage.client(post())
    stage.upstream.feed(whole(b"{}", status=b"400 Bad Request"))
    (settled,) = bench.counted[1:]
    assert settled == ("settle", dict.fromkeys(("tokens", "input_tokens", "output_tokens", "reasoning_tokens"), 0))


def test_limits_of_the_configuration_are_asked_in_the_same_step() -> None:
    """Of the principal, its upstream and its standing; what is open is told when it no longer is."""
    rates = {"requests": Rate(1, 1.0), "prompts": Rate(9, 1.0), "lines": Rate(9, 1.0)}
    limits = {"principal": Limit(rates), "upstream/openai": Limit({"tokens": Rate(5, 1.0)}, 3), "upstream/xai": Limit(rates)}
    bench = Bench(Decision(), Grant(held=Reservation([], [Allowances({}, limits)._buckets("a", "", "a", Limit({}, 3))[0]])))
    stage = judged(bench, limits)
    stage.client(post(b"/openai/v1/chat/completions", BODY))
    wanted = [("principal", "requests", 1), ("principal", "prompts", 1), ("upstream/openai", "tokens", 202)]
    assert bench.counted == [("reserve", [*wanted, ("upstream/openai", "concurrent", 1)])]
    first = bench.prompt
    stage.upstream.feed(whole(b"{}", b"Content-Type: application/json"))
    assert ("ended",) in bench.counted
    stage.client(post(b"/openai/v1/chat/completions", BODY.replace(b'"n":2', b'"n":3')))
    assert bench.prompt == first != 0
    stage.client(post(b"/openai/v1/chat/completions", BODY.replace(b"0123", b"3210")))
    assert bench.prompt != first


def test_whoever_is_slowed_down_is_told_whom_to_ask() -> None:
    """Whatever is disclosed otherwise: the limit of a standing says how to declare a purpose."""
    stage = judged(Bench(THROTTLE, Grant(granted=False, wait=2, limit="standing limited", message="Ask ann@example.com.")))
    stage.house.gateway = msgspec.structs.replace(stage.house.gateway, disclosure="reference")
    client = stage.client(post())
    assert status_of(client.taken) == 429
    assert "Ask ann@example.com." in told_error(client.taken)["message"]


def test_a_limit_that_is_used_up_is_told_by_its_rule() -> None:
    """429 with the time to wait; nothing was taken, so nothing comes back."""
    bench = Bench(THROTTLE, Grant(granted=False, wait=12, limit="rule p/t"))
    stage = judged(bench)
    client = stage.client(post())
    assert status_of(client.taken) == 429
    assert b"retry-after: 12\r\n" in client.taken
    assert "The limit of rule p/t is used up." in told_error(client.taken)["message"]
    assert (stage.refusal.decision, len(bench.counted), stage.sent) == ("throttle", 1, b"")
    assert stage.refusal.limit == "rule p/t"


def test_a_carrier_counts_what_its_lines_do() -> None:
    """A limit on lines is asked once, for all of them."""
    bench = Bench(THROTTLE)
    rates = dict.fromkeys(("lines", "tokens"), Rate(1, 1.0))
    judges = judged(bench, {"upstream/openai": Limit(rates)}).house.judges
    exchange = Exchange("r", 1, 2, None)
    exchange.decision = THROTTLE
    exchange.call = Call(1, "openai", "", "", "", "", exchange.facts, exchange.caller.principal, exchange.caller.credential, "")
    judges.limit(exchange, {"p/t": [30, 900], "": [40, 300, 700]})
    wanted = [
        ("p/t", "requests", 30),
        ("p/t", "tokens", 900),
        ("upstream/openai", "lines", 40),
        ("upstream/openai", "tokens", 1000),
    ]
    assert bench.counted == [("reserve", wanted)]
