"""Which limits concern a call."""

import pytest

from proxy.core.call import Call
from proxy.core.exchange import Exchange
from proxy.core.principal import Principal
from proxy.core.rules import Limit, Rate
from proxy.gateway.allowances import Allowances


def test_who_shares_a_limit() -> None:
    """A principal's own in place of each one's, its project's, its linked group's, its standing's."""
    limit = Limit({"requests": Rate(1, 1.0)})
    names = ("principal", "principal/ann", "project/p", "group", "limited")
    allowances = Allowances({}, dict.fromkeys(names, limit))
    ann = Principal("ann", project="p", standing="limited", group="g7")
    found = [bucket.key[:2] for bucket in allowances._of(ann, "openai", ())]
    assert found == [("principal/ann", ""), ("project/p", ""), ("group", "g7"), ("limited", "ann")]
    assert [bucket.key[:2] for bucket in allowances._of(Principal("bob"), "openai", ())] == [("principal", "bob")]


def test_workers_share_what_each_counts_by_itself() -> None:
    """All parts together keep to the rate, also where it is smaller than their number."""
    for count in (1, 3, 60, 1001):
        rate = Allowances({}, {}, 4)._shared(Rate(count, 60.0))
        assert 4 * rate.count <= max(count, 4)
        assert rate.count / rate.seconds * 4 == pytest.approx(count / 60.0)


def test_what_is_not_known_ahead_asks_for_one() -> None:
    """So that whoever has used up a budget of tokens is refused, though nobody can tell how long an answer will be."""
    exchange = Exchange("r", 1, 2, None)
    exchange.call = Call(1, "openai", "", "", "", "", exchange.facts, exchange.caller.principal, exchange.caller.credential, "")
    limits = {"principal": Limit({"reasoning_tokens": Rate(1, 1.0), "output_tokens": Rate(1, 1.0), "lines": Rate(1, 1.0)})}
    wanted = Allowances({}, limits).wanted(exchange, {})
    assert [(bucket.kind, amount) for bucket, amount in wanted] == [("reasoning_tokens", 1), ("output_tokens", 1)]
