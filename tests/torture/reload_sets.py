"""Sets of rules and terms that tell which of them decided: set `k` has 200 expressions, and what each call comes to under it can be
worked out here, without any of the proxy's judges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from proxy.core import snapshot
from proxy.core.rules import Bundle, Rule
from proxy.core.snapshot import GatewayOptions, LedgerOptions, UpstreamOptions
from proxy.core.terms import Cell, Models, Row

RULES = 200
ENDPOINTS = ("chat", "batch_line")
PROBE = "probe"
"""The model by which a call asks which set is in force: it is denied, by a rule whose name says it."""
_VERDICTS = ("allow", "allow_with_obligations", "review")


def digest(number: int) -> str:
    """The digest of a set."""
    return hashlib.sha256(b"set %d" % number).hexdigest()


def rule_names(number: int, n: int) -> tuple[str, ...]:
    """The rules of a set that match a call which asks for `n` answers."""
    return tuple(sorted(f"s{number}/r{rule}" for rule in range(RULES) if (n * 7 + rule * 5 + number) % 23 == 0))


def effect(number: int, n: int) -> str:
    """What they come to: the first rules deny, where they match."""
    matching = [rule for rule in range(RULES) if (n * 7 + rule * 5 + number) % 23 == 0]
    return "deny" if any(rule < 4 for rule in matching) else "flag" if matching else "allow"


def verdict(number: int) -> str:
    """What the terms of a set say of every call."""
    return _VERDICTS[number % 3]


def row(number: int) -> str:
    """The row that says it, as recorded."""
    return f"everybody@k{number}"


def entries(number: int, upstream: str) -> list[bytes]:
    """A snapshot's entries with this set in force. The expressions are none that become plain functions."""
    rules = [
        Rule(
            f"s{number}/r{rule}",
            "deny" if rule < 4 else "flag",
            match={"endpoint": ENDPOINTS},
            when=f"(n * 7 + {rule * 5 + number}) % 23 == 0",
            message="No.",
        )
        for rule in range(RULES)
    ]
    rules.append(Rule(f"s{number}/probe", "deny", match={"model": (PROBE,)}, message="Asked."))
    cells = {"use.internal": (Cell(verdict(number)),)}
    terms = Row("everybody", "contract", cells=cells, hosts=("*",), versions=((0, f"k{number}"),))
    return [
        snapshot.put("gateway", "options", GatewayOptions(drain_seconds=5.0)),
        snapshot.put("ledger", "options", LedgerOptions(content="digests")),
        snapshot.put("upstream", "openai", UpstreamOptions("openai", "openai", upstream)),
        snapshot.put("terms", terms.id, terms),
        snapshot.put("models", "models", Models()),
        snapshot.put("bundle", "bundle", Bundle(digest(number))),
        *(snapshot.put("rule", rule.name, rule) for rule in rules),
    ]


def _bad_name(number: int, upstream: str) -> bytes:
    rule = Rule(f"s{number}/bad", "deny", match={"phase_of_the_moon": ("full",)})
    return snapshot.base(number, 0, [*entries(number, upstream), snapshot.put("rule", rule.name, rule)])


def _bad_expression(number: int, upstream: str) -> bytes:
    rule = Rule(f"s{number}/bad", "deny", when=f"n + {number} ==")
    return snapshot.base(number, 0, [*entries(number, upstream), snapshot.put("rule", rule.name, rule)])


def _other_format(number: int, upstream: str) -> bytes:
    return snapshot.frame({"format": 99, "number": number, "made": 0}) + snapshot.base(number, 0, entries(number, upstream))


def _bad_upstream(number: int, upstream: str) -> bytes:
    bad = snapshot.put("upstream", "bad", UpstreamOptions("bad", "openai", f"ftp://{number}"))
    return snapshot.base(number, 0, [*entries(number, upstream), bad])


BROKEN: tuple[Callable[[int, str], bytes], ...] = (_bad_name, _bad_expression, _other_format, _bad_upstream)
"""Snapshots of which nothing may come into force, each for another reason."""
