"""Holds what the gateway did against what the bytes meant. Each function gives findings, one line each; none is good.

Three witnesses: the answers on the client's connection, the requests that the scripted upstream saw, and the ledger. They must
tell one story: each request that was there whole is answered in its place, by the upstream or by a refusal; the upstream saw
exactly those that it answered, byte for byte; and the record that an answer names is the record of that request.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from proxy.demo.scripted.seen import Seen
from proxy.dialects import by_name, find
from proxy.ledger.record import Intent, Refusal
from tests.hostile.bodies import BODIES, must_be_refused
from tests.hostile.exchange import Answer, Outcome
from tests.hostile.fields import arrived, travelling
from tests.hostile.meaning import Asked
from tests.hostile.paths import readings

_UPSTREAMS = (b"/openai/", b"/anthropic/", b"/gemini/")
_BODY_FAMILIES = frozenset(family.__name__ for family in BODIES)

Records = Mapping[str, Intent | Refusal]


def judge(outcomes: Sequence[Outcome], seen: Iterable[Seen], records: Records) -> list[str]:
    """All findings about a run that is over."""
    findings = list(_behind(outcomes, seen))
    for outcome in outcomes:
        found = [*_conversation(outcome), *_body_rules(outcome), *_recorded(outcome, records)]
        findings += [f"{_name(outcome)}: {finding}" for finding in found]
    return findings


def _name(outcome: Outcome) -> str:
    case = outcome.case
    return f"{case.family} {case.number} [{case.trick[:160]}]"


def _conversation(outcome: Outcome) -> Iterable[str]:
    """What the client can see: as many answers as requests, no 5xx, an end exactly where one is due."""
    asked, answers, end = outcome.meaning.asked, outcome.answers, outcome.meaning.end
    if outcome.garbage:
        yield f"not an answer: {outcome.garbage}"
    if outcome.end == "silent":
        yield f"no answer {len(answers) + 1}, though {len(asked)} requests and {end}"
    for index, answer in enumerate(answers):
        if answer.status >= 500:
            yield f"answer {index + 1} is {answer.status}: {answer.body[:200]!r}"
        if answer.closes and index + 1 < len(answers):
            yield f"answer {index + 1} announced the end, and another followed"
    yield from _ending(outcome)


def _ending(outcome: Outcome) -> Iterable[str]:
    asked, answers, end = outcome.meaning.asked, outcome.answers, outcome.meaning.end
    due = len(asked) + (end == "refused")
    if len(answers) < due and _may_close_after(outcome):
        return
    if end == "incomplete" and len(answers) == due + 1 and _is_refusal(answers[-1]):
        return  # its head alone was reason enough
    if len(answers) != due:
        yield f"{len(answers)} answers to {len(asked)} requests and {end}"
    elif end == "refused" and not _is_refusal(answers[-1]):
        yield f"what is no request was answered with {answers[-1].status} and left open"
    elif (outcome.end == "closed") != (end in ("closed", "refused")):
        yield f"the connection was {outcome.end}, meaning {end}"


def _is_refusal(answer: Answer) -> bool:
    return answer.ours and 400 <= answer.status < 500 and answer.closes


def _may_close_after(outcome: Outcome) -> bool:
    """A refusal may end the connection while the request's body is on its way; then it must say so."""
    if not outcome.answers:
        return False
    asked = outcome.meaning.asked[len(outcome.answers) - 1]
    return _is_refusal(outcome.answers[-1]) and asked.framed and outcome.end == "closed"


def _pairs(outcome: Outcome) -> Iterable[tuple[Asked, Answer]]:
    """Requests with their answers, as far as there are any."""
    return zip(outcome.meaning.asked, outcome.answers, strict=False)


def _behind(outcomes: Iterable[Outcome], seen: Iterable[Seen]) -> Iterable[str]:
    """What the upstream saw: exactly the requests that it answered, unchanged but for what must not travel."""
    due: dict[tuple[bytes, bytes, bytes], list[tuple[Outcome, Asked]]] = defaultdict(list)
    for outcome in outcomes:
        for asked, answer in _pairs(outcome):
            if not answer.ours:
                due[asked.method, upstream_target(asked.target), asked.body].append((outcome, asked))
    for one in seen:
        waiting = due.get((one.method, one.target, one.body))
        if one.malformed or not waiting:
            yield f"upstream saw what it did not answer: {one.method!r} {one.target[:200]!r} {one.body[:80]!r} {one.malformed}"
            continue
        # Requests can be alike but for their fields: take the one that fits, else any.
        fields = arrived(one.headers)
        fitting = next((pair for pair in waiting if travelling(pair[1]) == fields), waiting[0])
        waiting.remove(fitting)
        outcome, asked = fitting
        if fields != travelling(asked):
            yield f"{_name(outcome)}: upstream saw the fields {fields!r} instead of {travelling(asked)!r}"
        if len(one.values("host")) != 1 or b"gateway.test" in one.values("host"):
            yield f"{_name(outcome)}: upstream saw Host {one.values('host')!r}"
    for waiting in due.values():
        for outcome, asked in waiting:
            yield f"{_name(outcome)}: upstream never saw {asked.method!r} {asked.target!r}, which was answered as if from there"


def _body_rules(outcome: Outcome) -> Iterable[str]:
    """Bodies with two readings are refused, all others are not."""
    if outcome.case.family not in _BODY_FAMILIES:
        return
    for asked, answer in _pairs(outcome):
        refused = must_be_refused(asked)
        if refused is not None and refused != answer.ours:
            yield f"a body that {'has' if refused else 'has not'} two readings got {answer.status}: {asked.body[:200]!r}"


def _recorded(outcome: Outcome, records: Records) -> Iterable[str]:
    """The record that each answer names is of its request, and its endpoint is that of every reading of the path."""
    for asked, answer in _pairs(outcome):
        record = records.get(answer.record)
        if record is None:
            yield f"{asked.method!r} {asked.target!r} was answered with {answer.status} and has no record"
            continue
        if isinstance(record, Refusal) != answer.ours:
            yield f"an answer {'of ours' if answer.ours else 'from upstream'} has a {type(record).__name__}"
        if isinstance(record, Intent) and not isinstance(record, Refusal):
            yield from _same_request(asked, record)


def _same_request(asked: Asked, record: Intent) -> Iterable[str]:
    if record.method != asked.method.decode() or not is_recorded_as(asked.target.decode("ascii"), record.target):
        yield f"the answer to {asked.target!r} names the record of {record.method} {record.target}"
    if record.request_bytes != len(asked.body):
        yield f"the record has {record.request_bytes} bytes of a body of {len(asked.body)}"
    path = upstream_target(asked.target).split(b"?")[0]
    dialect = by_name(record.upstream)
    for reading in readings(path):
        endpoint = find(dialect, record.method, reading.rstrip("/"))[1].name
        if endpoint != record.endpoint:
            yield f"{path!r} was recorded as {record.endpoint}, and {reading!r} is {endpoint}"


def is_recorded_as(target: str, recorded: str) -> bool:
    """Whether a target is the recorded one, in which secrets are replaced by `REDACTED`."""
    pattern = "[^&]*".join(re.escape(part) for part in recorded.split("REDACTED"))
    return re.fullmatch(pattern, upstream_target(target.encode("latin-1")).decode("latin-1")) is not None


def upstream_target(target: bytes) -> bytes:
    """A target without the upstream's name."""
    for prefix in _UPSTREAMS:
        if target.startswith(prefix):
            return target[len(prefix) - 1 :]
    return target
