"""What an exchange would take of which limits: those that rules set where they match, and those that the configuration sets.

Which buckets those are is found once for each kind of caller and remembered; how much of each follows from the facts.
"""

from __future__ import annotations

from collections.abc import Mapping

from proxy.core.buckets import CONCURRENT, KINDS, REQUESTS, TOKENS, Bucket, Wanted
from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.core.principal import Principal
from proxy.core.rules import Limit, Rate, Rule
from proxy.gateway.receive import Body

Spent = dict[str, list[int]]
"""What the lines of a carrier come to. By the name of a throttling rule: requests, and tokens as estimated. By `ALL`: lines, and
tokens of prompts and of answers as estimated.
"""

NOTHING: Spent = {}
ALL = ""
_CARRIER = [1, 0]
_NO_LINES = [0, 0, 0]
_CHARACTERS_PER_TOKEN = 4
_REMEMBERED = 4096

Asker = tuple[str, str, str, str | None, str, tuple[str, ...]]


class Allowances:
    """The limits of one snapshot, by name. This process is one of so many `workers`, which share each limit in equal parts, unless
    limits are `leased`.
    """

    __slots__ = ("_found", "_limits", "_share", "_throttles")

    def __init__(
        self, throttles: Mapping[str, Rule], limits: Mapping[str, Limit] | None = None, workers: int = 1, *, leased: bool = False
    ) -> None:
        self._throttles = throttles
        self._limits = limits or {}
        self._share = 1 if leased else workers
        self._found: dict[Asker, tuple[Bucket, ...]] = {}

    def wanted(self, exchange: Exchange, carried: Spent) -> Wanted:
        """So much of each bucket; a turn of a session is open within its session, and counts no other."""
        decision = exchange.decision
        if not self._limits and not decision.throttles:
            return []
        buckets = self._of(exchange.caller.principal, exchange.call.upstream, decision.throttles)
        if not buckets:
            return []
        amounts = _amounts(exchange, carried)
        wanted: Wanted = []
        for bucket in buckets:
            amount = self._carried(bucket, amounts, carried) if carried else amounts[bucket.slot]
            if amount or bucket.settles:  # what will be settled asks for one at least, and so is refused where there is none
                wanted.append((bucket, amount or 1))
        return wanted

    def _carried(self, bucket: Bucket, amounts: list[int], carried: Spent) -> int:
        """Of a rule: what the lines that it matched come to; a rule that matched the carrier alone counts one request."""
        name = bucket.key[0]
        if name not in self._throttles:
            return amounts[bucket.slot]
        spent = carried.get(name, _CARRIER)
        return spent[0 if bucket.kind == REQUESTS else 1]

    def _of(self, principal: Principal, upstream: str, throttles: tuple[str, ...]) -> tuple[Bucket, ...]:
        asker = (principal.name, principal.standing, principal.group, principal.project, upstream, throttles)
        found = self._found.get(asker)
        if found is None:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            found = self._found[asker] = tuple(self._find(principal, upstream, throttles))
        return found

    def _find(self, principal: Principal, upstream: str, throttles: tuple[str, ...]) -> list[Bucket]:
        buckets: list[Bucket] = []
        for name in throttles:
            rule = self._throttles[name]
            rates = {REQUESTS: rule.requests, TOKENS: rule.tokens}
            for kind, rate in rates.items():
                if rate is not None:
                    buckets.append(Bucket(name, principal.name, kind, self._shared(rate), f"rule {name}"))
        own = f"principal/{principal.name}"
        shares = [(own, "", own)] if own in self._limits else [("principal", principal.name, "each principal")]
        if principal.project is not None:
            shares.append((f"project/{principal.project}", "", f"project {principal.project}"))
        shares.append((f"upstream/{upstream}", "", f"upstream {upstream}"))
        if principal.group:
            shares.append(("group", principal.group, "linked accounts"))
        if principal.standing == "limited":
            shares.append(("limited", principal.name, "standing limited"))
        for name, whose, told in shares:
            limit = self._limits.get(name)
            if limit is not None:
                buckets += self._buckets(name, whose, told.replace("/", " ", 1), limit)
        return buckets

    def _buckets(self, name: str, whose: str, told: str, limit: Limit) -> list[Bucket]:
        found = [
            Bucket(name, whose, kind, self._shared(rate), f"{told} ({kind} {rate})", limit.message)
            for kind, rate in limit.rates.items()
            if kind in KINDS
        ]
        if limit.concurrent:
            rate = Rate(max(1, limit.concurrent // self._share), 0.0)
            found.append(Bucket(name, whose, CONCURRENT, rate, f"{told} (concurrent {limit.concurrent})", limit.message))
        return found

    def _shared(self, rate: Rate) -> Rate:
        """The part of this process, such that all parts together keep to the rate, at once and in the long run."""
        if self._share == 1:
            return rate
        count = max(1, rate.count // self._share)
        return Rate(count, rate.seconds * count * self._share / rate.count)


def _amounts(exchange: Exchange, carried: Spent) -> list[int]:
    """In the order of `ALL_KINDS`."""
    facts = exchange.facts
    lines = 0
    if carried:
        lines, asked, answered = carried.get(ALL, _NO_LINES)
    else:
        asked, answered = estimated(facts)
    body: Body | None = exchange.body
    if body is None:  # a turn
        return [1, asked + answered, asked, answered, 0, lines or facts.prompts, lines, 0]
    prompts = facts.prompts if body.whole or body.spooled else 0
    return [1, asked + answered, asked, answered, 0, lines or prompts, lines, 1]


def estimated(facts: RequestFacts) -> tuple[int, int]:
    """Tokens that a query will use, of its prompt and of its answer: four characters each, and the whole answer that it allows."""
    answers = (facts.n or 1) * (facts.max_tokens or 0)
    return (facts.system_chars + facts.prompt_chars) // _CHARACTERS_PER_TOKEN, answers
