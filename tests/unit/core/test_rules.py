"""Rules in a snapshot."""

import msgspec

from proxy.core import snapshot
from proxy.core.rules import Exemption, Rate, Rule


def test_a_rule_survives_the_snapshot() -> None:
    """What was compiled is what a gateway reads."""
    rule = Rule(
        "baseline/a",
        "deny",
        match={"upstream": ("openai",)},
        exempt=(Exemption(("nightly",), 5, "counsel"),),
        requests=Rate(30, 60.0),
    )
    line = next(snapshot.lines(snapshot.put("rule", rule.name, rule)))
    assert msgspec.json.decode(line.value, type=snapshot.SECTIONS["rule"]) == rule
