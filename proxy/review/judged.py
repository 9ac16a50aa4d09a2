"""What a judged record gives rise to, from its evidence alone: rules that matched, verdicts that no rule speaks for, conditions
that failed, and the question to a principal that declares no purpose.

Pure: the same record raises the same findings, whenever it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from proxy.core.principal import UNDECLARED
from proxy.core.rules import Rule
from proxy.review.raised import UNACCEPTED, Raised, repeat

DAY_US = 86_400_000_000

_AUTOMATIC = ("key:", "jwt:")
_TOLD = {"deny": "denied", "flag": "flagged"}
_SEVERITY = {"deny": "medium", "flag": "low"}
_OBJECTIONS = frozenset({"review", "forbid"})
_FIRST_REFUSED = 400
_LONGEST_NAME = 100
_SHOWN = 12


class _Versions(msgspec.Struct, gc=False):
    policies: str = ""


class Judged(msgspec.Struct, gc=False):
    """The fields of a record's evidence that decide whether it raises anything."""

    kind: str
    id: str
    at: int
    principal: str
    key: str = ""
    purpose: str = ""
    project: str = ""
    upstream: str = ""
    endpoint: str = ""
    model_requested: str = ""
    verdict: str = "allow"
    decision: str = "allow"
    clauses: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    outcome: str = ""
    versions: _Versions = msgspec.field(default_factory=_Versions)

    @property
    def judged(self) -> bool:
        """Whether rules or terms had something to say."""
        return bool(self.rules or self.shadow or self.failed or self.verdict in _OBJECTIONS)


decode = msgspec.json.Decoder(Judged).decode


def answered(kind: str, status: int) -> bool:
    """Whether an upstream took the call, and with it its credential. `kind`, `status`: as in `store_following.Ended`."""
    return kind == "turn" or (kind == "outcome" and 0 < status < _FIRST_REFUSED)


def automatic(principal: str) -> bool:
    """Whether the principal is a credential that nobody configured: until an upstream has accepted one it may be made up."""
    return principal.startswith(_AUTOMATIC)


def raises(
    record: Judged, rules: Mapping[str, Rule], *, accepted: bool, ended_well: bool, said: Mapping[str, Raised] | None = None
) -> Iterator[Raised]:
    """The findings of one record. `accepted`: its principal is somebody (`automatic`); `ended_well`: this call was answered.

    `said`: by key what came of records before it; what is among them is counted there and not put into words again.
    """

    def repeated(one: Judged, key: str) -> bool:
        if said is None or (known := said.get(key)) is None:
            return False
        repeat(known, one.id, one.at, one.versions.policies)
        return True

    if record.outcome not in {"", "refused"}:
        return  # the end of a turn, whose beginning was read
    asks = record.purpose == UNDECLARED and ended_well and record.kind == "intent"
    if asks and not repeated(record, question_about(record.principal)):
        yield _question(record, rules)
    if not record.judged:
        return
    if not accepted:
        record = msgspec.structs.replace(record, principal=UNACCEPTED, project="")
    matches = list(_matches(record, rules))
    yield from _told(record, rules, matches, repeated)
    yield from (_failed(record, name) for name in record.failed if not _of_lines(record, name))
    declared = record.purpose != UNDECLARED and record.verdict in _OBJECTIONS
    unsaid = declared and not any(speaks_for_terms(rules.get(name)) for name, _, _ in matches)
    if unsaid and not repeated(record, key := _verdict_key(record)):
        yield _verdict(record, key)


def _told(
    record: Judged, rules: Mapping[str, Rule], matches: list[tuple[str, str, bool]], repeated: Callable[[Judged, str], bool]
) -> Iterator[Raised]:
    """What rules that matched have to say."""
    for name, effect, shadow in matches:
        rule = rules.get(name)
        if effect not in _TOLD or asks_for_purpose(rule) or _of_lines(record, name):
            continue
        if not repeated(record, key := _match_key(record, name, rule, effect, shadow=shadow)):
            yield _matched(record, key, name, rule, effect, shadow=shadow)


def _matches(record: Judged, rules: Mapping[str, Rule]) -> Iterator[tuple[str, str, bool]]:
    """Name and effect of each rule that matched, and whether it was in shadow. A rule that is gone has the record's own effect."""
    for name in record.rules:
        rule = rules.get(name)
        if rule is None:
            yield name, record.decision, False
        else:
            yield name, rule.effect_on_error if name in record.failed else rule.effect, False
    for told in record.shadow:
        name, _, effect = told.rpartition(":")
        yield name, effect, True


def question_about(principal: str) -> str:
    """The key of the one question to a principal."""
    return f"question:undeclared:{principal}"


def declares(record: Judged, *, ended_well: bool) -> tuple[str, ...]:
    """Whose question the record answers, by names: its principal's, and that of its key from before somebody named its owner."""
    if record.purpose == UNDECLARED or not ended_well:
        return ()
    return (record.principal, *named_by(record.key))


def named_by(fingerprint: str) -> tuple[str, ...]:
    """What a credential is called that nobody has named the owner of; nothing for none."""
    return tuple([prefix + fingerprint[:_SHOWN] for prefix in _AUTOMATIC]) if fingerprint else ()


def _of_lines(record: Judged, name: str) -> bool:
    """Whether a rule matched nothing but lines of the record, and has said of them what it has to say."""
    return name in record.carried or any(each.rpartition(":")[0] == name for each in record.carried)


def speaks_for_terms(rule: Rule | None) -> bool:
    """Whether a rule that matched asks for the verdict of the terms; of one that is gone nobody knows, and it is not said twice."""
    return rule is None or any(name.startswith("terms.") for name in rule.match) or "terms." in rule.when


def asks_for_purpose(rule: Rule | None) -> bool:
    """Whether a rule flags nothing but that no purpose is declared: what it has to say is in the question."""
    return rule is not None and rule.effect == "flag" and rule.match == {"purpose": (UNDECLARED,)} and not rule.when


def _raised(record: Judged, key: str, **fields: object) -> Raised:
    return Raised(
        key,
        first_record=record.id,
        last_record=record.id,
        first_at=record.at,
        last_at=record.at,
        policies=record.versions.policies,
        **fields,  # type: ignore[arg-type]  # the names are those of Raised, as mypy cannot see through a dict
    )


def _subject(record: Judged) -> dict[str, object]:
    return {
        "principal": record.principal,
        "project": record.project,
        "purpose": record.purpose,
        "upstream": record.upstream,
        "endpoint": record.endpoint,
        "clauses": record.clauses,
    }


def _asked(record: Judged) -> str:
    model = _plain(record.model_requested) or "a model that it does not name"
    return f"{record.principal} asked {record.upstream} for {model} ({record.endpoint}), purpose {record.purpose}."


def _plain(text: str) -> str:
    """A name that a client chose, so that it can stand in a sentence: no control or direction marks, and not a novel."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text[:_LONGEST_NAME])


def _terms(record: Judged) -> tuple[str, ...]:
    if record.verdict not in _OBJECTIONS:
        return ()
    named = ", ".join(record.clauses) or "no clause that is named"
    return (f"The terms say {record.verdict}, by {named}.",)


def _question(record: Judged, rules: Mapping[str, Rule]) -> Raised:
    title = f"For what does {record.principal} ask? It declares no purpose"
    said = f"{record.principal} asks {record.upstream} without a declared purpose; what the terms say of its calls depends on one."
    subject = _subject(record) | {"clauses": ()}
    asking = [rule for name in record.rules if (rule := rules.get(name)) is not None and asks_for_purpose(rule)]
    return _raised(
        record,
        question_about(record.principal),
        kind="question",
        severity="notice",
        title=title,
        rule=asking[0].name if asking else "",
        sentences=(said, *(rule.message for rule in asking if rule.message)),
        **subject,
    )


def _match_key(record: Judged, name: str, rule: Rule | None, effect: str, *, shadow: bool) -> str:
    once = rule.once if rule is not None else ""
    if once == "principal":
        scope = ""
    elif once == "principal_endpoint":
        scope = f":{record.upstream}/{record.endpoint}"
    else:
        scope = f":{record.at // DAY_US}"
    return f"terms:{'shadow' if shadow else effect}:{name}:{record.principal}{scope}"


def _matched(record: Judged, key: str, name: str, rule: Rule | None, effect: str, *, shadow: bool) -> Raised:
    told = f"would have been {_TOLD[effect]}" if shadow else _TOLD[effect]
    titled = (rule.title if rule is not None else "") or name
    message = (rule.message,) if rule is not None and rule.message else ()
    subject = _subject(record)
    if rule is not None:
        subject["clauses"] = tuple(dict.fromkeys(rule.clauses + record.clauses))
    return _raised(
        record,
        key,
        kind="terms",
        severity="notice" if shadow else _SEVERITY[effect],
        title=f"{titled}: {told}",
        rule=name,
        sentences=(_asked(record), *_terms(record), *message),
        exculpatory=_for_it(record, shadow=shadow),
        shadow=shadow,
        gathers=not shadow,
        **subject,
    )


def _for_it(record: Judged, *, shadow: bool) -> tuple[str, ...]:
    if shadow:
        return ("The rule was in shadow: the call was let through and nobody was told.",)
    return ("Nothing went upstream.",) if record.kind == "refusal" else ()


def _verdict_key(record: Judged) -> str:
    return f"terms:verdict:{record.verdict}:{record.principal}:{record.purpose}:{record.upstream}:{record.at // DAY_US}"


def _verdict(record: Judged, key: str) -> Raised:
    return _raised(
        record,
        key,
        kind="terms",
        severity="high" if record.verdict == "forbid" and record.kind != "refusal" else "low",
        title=f"The terms say {record.verdict} of {record.purpose} at {record.upstream}, and no rule speaks for it",
        sentences=(_asked(record), *_terms(record)),
        exculpatory=_for_it(record, shadow=False),
        gathers=True,
        **_subject(record),
    )


def _failed(record: Judged, name: str) -> Raised:
    return _raised(
        record,
        f"integrity:rule_failed:{name}:{record.at // DAY_US}",
        kind="integrity",
        severity="medium",
        title=f"{name}: its condition could not be evaluated",
        rule=name,
        sentences=(f"The condition of {name} ended in an error, so the effect of its on_error was taken instead.",),
    )
