"""What of the snapshot a duty goes by."""

from __future__ import annotations

from pathlib import Path

from proxy.control.in_force import InForce
from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.rules import Bundle, Rule
from proxy.core.terms import Clause
from tests.ledgers import NOON


def test_rules_follow_the_snapshot(tmp_path: Path) -> None:
    """None before there is a snapshot, then those of the last one, read again only when the file has changed."""
    told = InForce(tmp_path, lambda: [Clause("c", "d", review_by=NOON)])
    assert told.rules() == {}
    publisher = Publisher(tmp_path)
    entries = [snapshot.put("bundle", "bundle", Bundle("d")), snapshot.put("rule", "a", Rule("a", "deny", once="principal"))]
    publisher.configure(entries)
    assert told.rules() == {"a": Rule("a", "deny", once="principal")}
    assert told.rules() is told.rules()
    publisher.configure([entries[0], snapshot.put("rule", "b", Rule("b", "flag"))])
    assert set(told.rules()) == {"b"}
    assert [one.clauses for one in told.due(NOON)] == [("c",)]
