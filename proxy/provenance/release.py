"""Re-purposing: may this answer be used for that, by the terms under which it was asked for?

An answer is judged for the new purpose at the instant of its own call, so by the texts that held then, with the attributes that are
declared for the new use alone: what its principal declared for another use says nothing of this one. Everything that the answer
rests on (a file it was given, the response it continues, the batch it came by) is judged alike, and the strictest counts. What is
not known does not pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from proxy.core.call import Call
from proxy.core.decision import Verdict, stricter_verdict
from proxy.core.principal import UNDECLARED, Principal
from proxy.core.references import UNKNOWN
from proxy.policy.replay import Replay
from proxy.provenance.answers import COMPLETED, Answer
from proxy.terms.verdict import TermsJudge

PASSING = ("allow", "allow_with_obligations")
_MANY_MODELS = "many_models"
_FIRST_ERROR = 400


class Reason(NamedTuple):
    """Why an answer does not pass: a `word`, a sentence, the clauses that say so, and the record concerned if it is another one."""

    word: str
    text: str
    clauses: tuple[str, ...] = ()
    record: str = ""


@dataclass(frozen=True)
class Clearance:
    """What the terms say of one answer for the new purpose. It passes when there are no `reasons` against it."""

    record: str
    answer: Answer | None
    verdict: Verdict
    reasons: tuple[Reason, ...]

    @property
    def passes(self) -> bool:
        """Whether the answer may be used so."""
        return not self.reasons


class Release:
    """Judges answers for one purpose. `attributes`: as declared for it."""

    def __init__(self, judge: TermsJudge, purpose: str, attributes: Mapping[str, str]) -> None:
        self._judge = judge
        self._purpose = purpose
        self._attributes = dict(attributes)
        self._replay = Replay()

    def clear(self, record: str, known: Mapping[str, Answer]) -> Clearance:
        """The clearance of a record. `known`: its answer, and those of all that it rests on."""
        answer = known.get(record)
        if answer is None:
            return Clearance(record, None, Verdict("review"), (Reason("unknown", "no such record is in the store"),))
        reasons = list(_own_reasons(answer))
        verdict: Verdict | None = None
        closure = _closure(record, known)
        models = list(dict.fromkeys(model for name in closure if name in known for model in known[name].models))
        for name in closure:
            other = name if name != record else ""
            rests = known.get(name)
            if rests is None:
                reasons.append(Reason("reference_unknown", "it rests on a record that is not in the store", (), other))
                continue
            reasons += _unresolved(rests, other)
            said, against = self._verdict(rests, models, other)
            reasons += against
            verdict = said if verdict is None else stricter_verdict(verdict, said)
        assert verdict is not None, "the answer itself is in its closure"
        return Clearance(record, answer, verdict, tuple(reasons))

    def _verdict(self, answer: Answer, models: list[str], other: str) -> tuple[Verdict, list[Reason]]:
        """What the terms say of this call alone, and what of that stands against it."""
        against: list[Reason] = []
        verdict: Verdict | None = None
        for call in self._calls(answer, answer.models or models):
            said = self._judge.judge(call)
            verdict = said if verdict is None else stricter_verdict(verdict, said)
            if said.verdict not in PASSING:
                against += self._against(call, said, other)
        assert verdict is not None, "there is a call at least"
        against += _unknown_terms(answer, verdict, other)
        return verdict, list(dict.fromkeys(against))

    def _calls(self, answer: Answer, models: list[str]) -> Iterator[Call]:
        """The call as it would be for the new purpose, once for each model that took part; of a call that names none (a download),
        those of what it rests on.
        """
        entry = answer.entry
        named: list[str | None] = [*models] or [None]
        for model in named:
            call = self._replay.call(entry, answer.carrier)
            if model is not None and model != call.facts.model:
                call.facts = msgspec.structs.replace(call.facts, model=model)
            call.purpose = self._purpose
            call.principal = Principal(entry.principal, (self._purpose,), self._purpose, self._attributes)
            yield call

    def _against(self, call: Call, verdict: Verdict, other: str) -> Iterator[Reason]:
        """Each row that decides, and what it says."""
        for part in self._judge.parts(call):
            if part.verdict == verdict.verdict:
                why = part.why or f"says {part.verdict} of {self._purpose} ({part.basis})"
                yield Reason(part.verdict, f"{part.row}: {why}" if part.row else why, part.clauses, other)


def _own_reasons(answer: Answer) -> Iterator[Reason]:
    """What is asked of the answer itself, and not of what it rests on."""
    entry = answer.entry
    if answer.refused:
        yield Reason("refused", "the call was refused, so there is no answer of a model")
        return
    if entry.purpose == UNDECLARED:
        yield Reason("undeclared", "no purpose was declared for the call")
    if not answer.outcome:
        yield Reason("not_answered", "no answer to it is in the store")
    elif answer.outcome != COMPLETED:
        yield Reason("not_completed", f"the answer ended as {answer.outcome}")
    elif answer.status >= _FIRST_ERROR:
        yield Reason("not_answered", f"the upstream answered with an error ({answer.status})")


def _unresolved(answer: Answer, other: str) -> Iterator[Reason]:
    """What cannot be judged, since nobody knows what it was."""
    entry = answer.entry
    facts = entry.facts
    if facts.inspection == "none":
        yield Reason("not_inspected", "nobody read what was asked", (), other)
    if _MANY_MODELS in facts.flags:
        yield Reason("not_inspected", "it carries queries to more models than are recorded", (), other)
    missed = [refer.ref for refer in entry.refers if not refer.record]
    missed += facts.references[len(entry.refers) :]
    if missed or UNKNOWN in facts.flags:
        named = f": {', '.join(missed[:3])}" if missed else ""
        yield Reason("reference_not_inspectable", f"it refers to what is in no record{named}", (), other)


def _unknown_terms(answer: Answer, verdict: Verdict, other: str) -> Iterator[Reason]:
    """Rows that were recorded with the call and that the catalogue at hand does not have as they were then."""
    if not (answer.carrier or answer.entry).versions.terms:
        yield Reason("terms_unknown", "the terms of that day were not recorded with it", (), other)
    missing = [row for row in answer.entry.rows if row not in verdict.rows]
    if missing:
        yield Reason("terms_unknown", f"was asked under {', '.join(missing)}, which is not among the terms at hand", (), other)


def _closure(record: str, known: Mapping[str, Answer]) -> list[str]:
    """The record and all that it rests on, each once."""
    found = {record: None}
    waiting = [record]
    while waiting:
        answer = known.get(waiting.pop())
        for name in answer.rests_on if answer is not None else ():
            if name not in found:
                found[name] = None
                waiting.append(name)
    return list(found)
