"""What of the snapshot a duty goes by."""

from __future__ import annotations

from pathlib import Path

from proxy.control.in_force import InForce
from proxy.control.publisher import Publisher
from proxy.core import snapshot
from proxy.core.principal import Principal
from proxy.core.rules import Bundle, Rule
from proxy.core.snapshot import CredentialEntry
from proxy.core.terms import Clause, Unsaid
from tests.ledgers import NOON


def test_purposes_are_those_of_principals_and_their_keys(tmp_path: Path) -> None:
    """A purpose speaks for the principal's name, and for the name that its key had before somebody named its owner."""
    key = "0123456789ab" + "0" * 52
    entries = [
        snapshot.put("bundle", "bundle", Bundle("d")),
        snapshot.put("principal", "chat", Principal("chat", ("use.product",), "use.product")),
        snapshot.put("principal", "new", Principal("new")),
        snapshot.put("credential", key, CredentialEntry("chat")),
        snapshot.put("credential", "f" * 64, CredentialEntry("new")),
    ]
    Publisher(tmp_path).configure(entries)
    named = dict.fromkeys(("chat", "key:0123456789ab", "jwt:0123456789ab"), "use.product")
    assert InForce(tmp_path, list).declared() == named


def test_rules_follow_the_snapshot(tmp_path: Path) -> None:
    """None before there is a snapshot, then those of the last one, read again only when the file has changed."""
    told = InForce(tmp_path, lambda: [Clause("c", "d", review_by=NOON)], lambda: [Unsaid(NOON, ("row",))])
    assert told.rules() == {}
    publisher = Publisher(tmp_path)
    entries = [snapshot.put("bundle", "bundle", Bundle("d")), snapshot.put("rule", "a", Rule("a", "deny", once="principal"))]
    publisher.configure(entries)
    assert told.rules() == {"a": Rule("a", "deny", once="principal")}
    assert told.rules() is told.rules()
    publisher.configure([entries[0], snapshot.put("rule", "b", Rule("b", "flag"))])
    assert set(told.rules()) == {"b"}
    assert [one.clauses for one in told.due(NOON)] == [("c",), ()]
