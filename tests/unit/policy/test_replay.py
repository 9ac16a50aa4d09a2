"""Calls read back from evidence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy.core.call import Call
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.references import Refer
from proxy.ledger.record import Content, Entry, Intent, Line, Refusal, Turn, Versions, encode
from proxy.policy.names import NAMES
from proxy.policy.replay import Replay, Seen, SeenVersions, seen, was_judged

AT = 1_790_000_000_000_000
REFERS = (Refer("file:f", record="rec_f", principal="bob", purpose="eval.private", verdict="review", foreign=True), Refer("x:y"))


def facts() -> RequestFacts:
    """Every fact away from its default."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(RequestFacts):
        kind = str(field.type)
        values[field.name] = ["a", "b"] if "list" in kind else True if "bool" in kind else 7 if "int" in kind else 0.5
        if "str" in kind and "list" not in kind:
            values[field.name] = f"some {field.name}"
    return RequestFacts(**{**values, "end_user": None, "inspection": "partial", "references": ["file:f", "x:y"]})


def call() -> Call:
    """A call of which nothing is at its default."""
    principal = Principal(
        "key:0123456789ab",
        ("eval.private", "train.general"),
        "eval.private",
        {"distributed": "false"},
        "lab",
        "full",
        "watched",
        True,
    )
    return Call(
        *(AT, "relay", "relay.example", "openai", "chat", "PUT", facts(), principal),
        *(Credential("x-api-key", "ab" * 32, "coding_plan"), "train.general"),
        contract="our.contract",
        licence="llama2",
        refers=REFERS,
        size=321,
    )


def common(given: Call) -> dict[str, Any]:
    """What all kinds of entry say of a call."""
    place = {"v": 1, "id": "rec_1", "instance": "i-0", "epoch": 1, "seq": 1, "at": given.at, "mono": 1}
    return place | {
        "principal": given.principal.name,
        "purpose": given.purpose,
        "upstream": given.upstream,
        "dialect": given.dialect,
        "endpoint": given.endpoint,
        "model_requested": given.facts.model or "",
        "facts": given.facts,
    }


def intent(given: Call, kind: type[Intent] = Intent, **changes: Any) -> Intent:
    """The evidence of a call."""
    values = common(given) | {
        "credential": given.credential.kind,
        "key": given.credential.fingerprint,
        "attributes": given.principal.attributes,
        "project": given.principal.project or "",
        "host": f"{given.host}:8443",
        "method": given.method,
        "target": "/",
        "request_bytes": given.size,
        "received": "",
        "versions": Versions(contract=given.contract, licence=given.licence),
        "verdict": "review",
        "decision": "flag",
        "content": Content("full", "k"),
        "refers": given.refers,
        "plan": given.credential.plan,
        "standing": given.principal.standing,
        "purposes": given.principal.purposes,
    }
    return kind(**values | changes)


def replayed(entry: Entry, carrier: Entry | None = None) -> Call:
    """The call that comes back from canonical bytes."""
    return Replay().call(seen(encode(entry)), seen(encode(carrier)) if carrier is not None else None)


def differing(one: Call, other: Call) -> list[str]:
    """Names that a rule may use and that do not say the same of both."""
    return [name.name for name in NAMES if name.get(one) != name.get(other)]


def test_whatever_a_rule_can_name_is_in_evidence() -> None:
    """Every name of the language says of the replayed call what it said of the call; contract and licence come back as well."""
    given = call()
    back = replayed(intent(given))
    assert differing(given, back) == []
    assert (back.contract, back.licence, back.host, back.at) == (given.contract, given.licence, given.host, given.at)


@pytest.mark.parametrize("lost", ["plan", "standing", "purposes", "attributes", "refers", "request_bytes", "credential", "project"])
def test_a_field_lost_on_the_way_shows(lost: str) -> None:
    """The comparison above would notice."""
    empty = {"purposes": ("undeclared",), "attributes": {}, "refers": (), "request_bytes": 0, "standing": "normal"}.get(lost, "")
    assert differing(call(), replayed(intent(call(), **{lost: empty})))


def test_a_line_and_a_turn_take_the_rest_from_their_carrier() -> None:
    """Contract, host, credential, attributes and standing stand in the entry of the exchange alone."""
    given = call()
    carrier = intent(given)
    own = common(given) | {"id": "rec_2", "carrier": "rec_1", "number": 0, "refers": given.refers}
    line = Line(**own, offset=0, length=given.size, received="", method=given.method)
    assert differing(given, replayed(line, carrier)) == []
    silent = msgspec.structs.replace(given.facts, model=None)
    turn = Turn(**own | {"answer": {}, "facts": silent, "asked_from": 100, "asked_to": 100 + given.size})
    assert set(differing(given, replayed(turn, carrier))) == set()


def test_what_is_read_is_what_is_written() -> None:
    """The reader knows only fields of the record, with their types."""
    written = {field.name: field for kind in (Intent, Refusal, Line, Turn) for field in msgspec.structs.fields(kind)}
    for field in msgspec.structs.fields(Seen):
        assert field.name in written, field.name
        if field.name != "versions":
            assert field.type == written[field.name].type, field.name
    assert {field.name for field in msgspec.structs.fields(SeenVersions)} <= {
        field.name for field in msgspec.structs.fields(Versions)
    }


def test_refusals_before_any_rule_was_asked() -> None:
    """No key, or no policy: such a refusal says nothing of rules; a denied or limited call does."""

    def told(error: str, status: int, decision: str) -> bool:
        return was_judged(seen(encode(intent(call(), Refusal, error=error, status=status, decision=decision))))

    assert was_judged(seen(encode(intent(call()))))
    assert told("policy_violation", 403, "deny")
    assert told("rate_limited", 429, "throttle")
    assert told("rate_limited", 429, "allow")
    assert not told("unknown_key", 401, "allow")
