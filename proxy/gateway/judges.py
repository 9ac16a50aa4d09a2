"""The judges of one snapshot: an exchange becomes a call, terms and policy look at it, the limiter counts it.

Built with the house they belong to and never changed, so that whatever is judged is judged by one set. What limits count outlives
them. Terms, policy and limits are injected: the gateway knows their form alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import monotonic
from typing import Any, Protocol

from msgspec.structs import replace

from proxy.core.buckets import INPUT, OUTPUT, PROMPTS, REASONING, REQUESTS, TOKENS, Reservation, Wanted
from proxy.core.call import Call
from proxy.core.decision import GRANTED, Decision, Grant, Verdict, united
from proxy.core.exchange import Exchange
from proxy.core.facts import Usage
from proxy.core.rules import Bundle
from proxy.gateway import prompts
from proxy.gateway.allowances import NOTHING, Allowances, Spent
from proxy.gateway.retries import Retries
from proxy.gateway.routes import Route
from proxy.wire.request import Request

_REMEMBERED = 1024
_PROMPT_KEY = os.urandom(16)


class Terms(Protocol):
    """What knows the terms."""

    def judge(self, call: Call) -> Verdict:
        """What they say of a call."""
        ...


class Policy(Protocol):
    """What knows the rules."""

    def decide(self, call: Call) -> Decision:
        """What they say of a call whose verdict is known."""
        ...


class Limiter(Protocol):
    """What counts. Answers at once; times are seconds of a clock that never goes back."""

    def reserve(self, wanted: Wanted, now: float, prompt: int = 0, *, credit: bool = False) -> Grant:
        """Take so much from each bucket, from all or from none. `prompt`: the digest of the one prompt asked, 0 for none. `credit`:
        whoever asks cannot wait for what is coming.
        """
        ...

    def settle(self, held: Reservation, used: Mapping[str, int], now: float) -> None:
        """What was held used so many tokens of each kind."""
        ...

    def release(self, held: Reservation, now: float) -> None:
        """What was held was not used."""
        ...

    def ended(self, held: Reservation) -> None:
        """What was held is no longer open."""
        ...


class Steps(Protocol):
    """The judges as the corridor asks them."""

    bundle: Bundle

    def terms(self, exchange: Exchange) -> Verdict:
        """What the terms say of the call."""
        ...

    def policy(self, exchange: Exchange) -> Decision:
        """Whether it may be made."""
        ...

    def limit(self, exchange: Exchange, carried: Spent = NOTHING) -> Grant:
        """How fast; `carried` is what the queries in its body count."""
        ...

    def settle(self, grant: Grant, usage: Usage | None) -> None:
        """What an exchange used, once that is known; without usage the estimate stands."""
        ...

    def release(self, grant: Grant) -> None:
        """An exchange was not made after all, or is one that its client will repeat."""
        ...

    def ended(self, grant: Grant) -> None:
        """An exchange is no longer open."""
        ...

    def given_up(self, exchange: Exchange) -> None:
        """Its client left before there was an answer."""
        ...


class Judges:
    """The judges of one bundle. `allowances`: which limits there are. `newer`: terms that nobody adopted yet, and their name; what
    they say is told in the decision's shadow where it is something else.
    """

    __slots__ = ("_allowances", "_limiter", "_newer", "_newer_name", "_policy", "_retries", "_terms", "bundle")

    def __init__(
        self,
        terms: Terms,
        policy: Policy,
        limiter: Limiter,
        allowances: Allowances,
        bundle: Bundle,
        newer: Terms | None = None,
        newer_name: str = "",
        retries: Retries | None = None,
    ) -> None:
        self._terms = terms
        self._policy = policy
        self._limiter = limiter
        self._allowances = allowances
        self.bundle = bundle
        self._newer = newer
        self._newer_name = newer_name
        self._retries = Retries() if retries is None else retries

    def terms(self, exchange: Exchange) -> Verdict:
        """See `Steps.terms`."""
        return self._terms.judge(exchange.call)

    def policy(self, exchange: Exchange) -> Decision:
        """See `Steps.policy`."""
        call = exchange.call
        call.verdict = exchange.verdict
        decision = self._policy.decide(call)
        return decision if self._newer is None else self._foreseen(call, decision, self._newer)

    def _foreseen(self, call: Call, decision: Decision, newer: Terms) -> Decision:
        """The decision, with what the newer terms would say of the call if that is something else."""
        said = newer.judge(call).verdict
        if said == call.verdict.verdict:
            return decision
        return replace(decision, shadow=(*decision.shadow, f"{self._newer_name}:{said}"))

    def limit(self, exchange: Exchange, carried: Spent = NOTHING) -> Grant:
        """See `Steps.limit`."""
        if exchange.decision.effect == "deny":
            return GRANTED
        wanted = self._allowances.wanted(exchange, carried)
        if not wanted:
            return GRANTED
        now = monotonic()
        again = self._retries.repeats(exchange, now)
        if again:
            wanted = [(bucket, amount) for bucket, amount in wanted if bucket.kind not in (REQUESTS, PROMPTS)]
        prompt = 0
        for bucket, _ in wanted:
            if bucket.kind == PROMPTS:
                prompt = prompts.digest(exchange, _PROMPT_KEY)
                break
        grant = self._limiter.reserve(wanted, now, prompt, credit=exchange.body is None)
        if again and grant.granted:
            self._retries.asked_again(exchange)
        return grant

    def settle(self, grant: Grant, usage: Usage | None) -> None:
        """See `Steps.settle`."""
        held = grant.held
        if held is not None and usage is not None:
            assert isinstance(held, Reservation), "what reserve gave"
            asked, answered = usage.input, usage.output
            used = {TOKENS: asked + answered, INPUT: asked, OUTPUT: answered, REASONING: usage.reasoning}
            self._limiter.settle(held, used, monotonic())

    def release(self, grant: Grant) -> None:
        """See `Steps.release`."""
        held = grant.held
        if held is not None:
            assert isinstance(held, Reservation), "what reserve gave"
            self._limiter.release(held, monotonic())

    def ended(self, grant: Grant) -> None:
        """See `Steps.ended`."""
        held = grant.held
        if held is not None:
            assert isinstance(held, Reservation), "what reserve gave"
            if held.open:
                self._limiter.ended(held)

    def given_up(self, exchange: Exchange) -> None:
        """See `Steps.given_up`."""
        if exchange.grant.held is not None:
            self._retries.given_up(exchange, monotonic())


def called(exchange: Exchange, method: str = "", size: int = -1) -> Call:
    """What is judged of an exchange. `method` and `size` where it stands for a query that another one carries."""
    request: Request = exchange.request
    route: Route = exchange.route
    caller = exchange.caller
    upstream = route.upstream
    options = upstream.options
    return Call(
        exchange.at,
        upstream.name,
        upstream.origin.host,
        route.dialect.name,
        route.endpoint.name,
        method or request.head.method,
        exchange.facts,
        caller.principal,
        caller.credential,
        caller.purpose,
        contract=options.contract,
        licence=options.model_licence,
        refers=exchange.refers,
        size=request.received if size < 0 else size,
    )


_told: dict[tuple[int, int], tuple[Verdict, Decision, dict[str, Any]]] = {}


def judged(verdict: Verdict, decision: Decision) -> dict[str, Any]:
    """What a record says of a judgement: the fields that intents, lines and turns have in common. Not to be changed: it is given
    again and again, as judges give the same verdicts and decisions.
    """
    key = (id(verdict), id(decision))
    known = _told.get(key)
    if known is not None and known[0] is verdict and known[1] is decision:
        return known[2]
    fields = {
        "verdict": verdict.verdict,
        "decision": decision.effect,
        "clauses": united(verdict.clauses, decision.clauses),
        "rules": decision.rules,
        "basis": verdict.basis,
        "obligations": united(verdict.obligations, decision.obligations),
        "rows": verdict.rows,
        "confirmed": verdict.confirmed,
        "conflict": verdict.conflict,
        "assumed": verdict.assumed,
        "shadow": decision.shadow,
        "exempt": decision.exempt,
        "failed": decision.failed,
    }
    if len(_told) >= _REMEMBERED:
        _told.clear()
    _told[key] = (verdict, decision, fields)
    return fields
