"""From entries to rows: the query projection of an exchange, as tuples in the order of the columns named here.

Pure. The projection of an intent and that of its outcome are separate sets of columns, so that they can be written in either
order and again without changing the result.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.facts import Usage
from proxy.core.references import made_by
from proxy.ledger.record import Content, Entry, Intent, Line, Mark, Outcome, Refusal, Turn

Row = tuple[Any, ...]

DAY_US = 86_400_000_000
"""Microseconds of a day; `at // DAY_US` is an entry's day."""

ENTRY_COLUMNS = ("instance", "epoch", "seq", "day", "kind", "record_id", "at", "evidence", "leaf")

INTENT_COLUMNS = (
    "at",
    "instance",
    "epoch",
    "seq",
    "principal",
    "credential",
    "key",
    "end_user",
    "purpose",
    "project",
    "upstream",
    "host",
    "dialect",
    "endpoint",
    "method",
    "target",
    "agent",
    "retry",
    "model_requested",
    "inspection",
    "flags",
    "stream",
    "request_bytes",
    "verdict",
    "decision",
    "clauses",
    "rules",
    "request_content",
)

OUTCOME_COLUMNS = (
    "outcome",
    "outcome_instance",
    "outcome_epoch",
    "outcome_seq",
    "status",
    "error",
    "model_returned",
    "upstream_request_id",
    "finish",
    "usage_input",
    "usage_output",
    "usage_cached",
    "usage_reasoning",
    "usage_estimated",
    "answer_bytes",
    "delivered_bytes",
    "first_byte_us",
    "duration_us",
    "answer_content",
)

LINE_COLUMNS = (
    "carrier",
    "number",
    "id",
    "at",
    "instance",
    "epoch",
    "seq",
    "custom_id",
    "offset",
    "length",
    "end_user",
    "endpoint",
    "method",
    "target",
    "model_requested",
    "inspection",
    "flags",
    "verdict",
    "decision",
    "clauses",
    "rules",
)

CONTENT_COLUMNS = ("record_id", "part", "piece", "size", "coding", "key_id", "sealed")
REFERS_COLUMNS = ("record_id", "refers")
CREATED_COLUMNS = ("record_id", "created")
KEY_COLUMNS = ("key_id", "instance", "principal", "month", "wrapped")
INCIDENT_COLUMNS = ("at", "kind", "instance", "epoch", "seq", "detail", "evidence", "leaf")

_encode = msgspec.json.Encoder().encode
_NO_USAGE = Usage()


def json_text(value: Any) -> str:
    """A list or map as JSON text; empty ones as an empty string."""
    return _encode(value).decode() if value else ""


def _mode(content: Content | None) -> str:
    return content.mode if content is not None else ""


def intent_row(entry: Intent) -> Row:
    """The id and the values of `INTENT_COLUMNS`."""
    facts, clauses, rules = entry.facts, entry.clauses, entry.rules
    return (
        entry.id,
        entry.at,
        entry.instance,
        entry.epoch,
        entry.seq,
        entry.principal,
        entry.credential,
        entry.key,
        entry.end_user,
        entry.purpose,
        entry.project,
        entry.upstream,
        entry.host,
        entry.dialect,
        entry.endpoint,
        entry.method,
        entry.target,
        entry.agent,
        entry.retry,
        entry.model_requested,
        facts.inspection,
        json_text(facts.flags) if facts.flags else "",
        facts.stream,
        entry.request_bytes,
        entry.verdict,
        entry.decision,
        json_text(clauses) if clauses else "",
        json_text(rules) if rules else "",
        entry.content.mode,
    )


def outcome_row(entry: Outcome) -> Row:
    """The values of `OUTCOME_COLUMNS`."""
    facts = entry.facts
    usage = facts.usage or _NO_USAGE
    return (
        entry.outcome,
        entry.instance,
        entry.epoch,
        entry.seq,
        entry.status,
        entry.error or facts.error or "",
        entry.model_returned,
        entry.upstream_request_id,
        facts.finish or "",
        usage.input,
        usage.output,
        usage.cached,
        usage.reasoning,
        usage.estimated,
        entry.answer_bytes,
        entry.delivered_bytes,
        entry.first_byte_us,
        entry.duration_us,
        _mode(entry.content),
    )


def refusal_row(entry: Refusal) -> Row:
    """The values of `OUTCOME_COLUMNS` for what we answered ourselves."""
    place = (entry.instance, entry.epoch, entry.seq)
    return (entry.outcome, *place, entry.status, entry.error, "", "", "", 0, 0, 0, 0, False, 0, 0, 0, 0, "")


TURN_COLUMNS = (
    *("carrier", "number", "id", "at", "instance", "epoch", "seq"),
    *("end_user", "model_requested", "model_returned", "inspection", "flags"),
    *("asked_from", "asked_to", "answered_from", "answered_to"),
    *("messages", "prompt_chars", "text_chars", "tool_calls", "asked_audio", "answered_audio"),
    *("verdict", "decision", "outcome", "error", "finish"),
    *("usage_input", "usage_output", "usage_cached", "usage_reasoning", "duration_us"),
)


def turn_row(entry: Turn) -> Row:
    """The values of `TURN_COLUMNS`; `at` is when the turn began, from whichever of its entries."""
    facts, answer = entry.facts, entry.answer
    usage = answer.usage or _NO_USAGE
    place = (entry.carrier, entry.number, entry.id, entry.at - entry.duration_us, entry.instance, entry.epoch, entry.seq)
    return (
        *place,
        *(entry.end_user, entry.model_requested, entry.model_returned, facts.inspection, json_text(facts.flags)),
        *(entry.asked_from, entry.asked_to, entry.answered_from, entry.answered_to),
        *(facts.messages, facts.prompt_chars, answer.text_chars, answer.tool_calls, facts.audio_bytes, answer.audio_bytes),
        *(entry.verdict, entry.decision, entry.outcome, entry.error or answer.error or "", answer.finish or ""),
        *(usage.input, usage.output, usage.cached, usage.reasoning, entry.duration_us),
    )


def line_row(entry: Line) -> Row:
    """The values of `LINE_COLUMNS`."""
    return (
        entry.carrier,
        entry.number,
        entry.id,
        entry.at,
        entry.instance,
        entry.epoch,
        entry.seq,
        entry.custom_id,
        entry.offset,
        entry.length,
        entry.end_user,
        entry.endpoint,
        entry.method,
        entry.target,
        entry.model_requested,
        entry.facts.inspection,
        json_text(entry.facts.flags),
        entry.verdict,
        entry.decision,
        json_text(entry.clauses),
        json_text(entry.rules),
    )


def kind_of(entry: Entry) -> str:
    """The entry's tag: `intent | outcome | refusal | mark | line | turn`."""
    return _KINDS[type(entry)]


_KINDS: dict[type, str] = {Intent: "intent", Outcome: "outcome", Refusal: "refusal", Mark: "mark", Line: "line", Turn: "turn"}


class Projection:
    """Rows of `exchanges` by record id: `whole` (intent and outcome were given), `opened` (intent only), `ended` (outcome only).

    `lines`: rows of `lines` by the line's own id. `begun` and `turned`: rows of `turns` that began, or have ended, by their id.
    `refers` and `created`: rows of `mentions` of what the request referred to and what the answer made.
    """

    __slots__ = ("begun", "created", "ended", "lines", "opened", "refers", "turned", "whole")

    def __init__(self) -> None:
        self.whole: dict[str, Row] = {}
        self.opened: dict[str, Row] = {}
        self.ended: dict[str, Row] = {}
        self.lines: dict[str, Row] = {}
        self.begun: dict[str, Row] = {}
        self.turned: dict[str, Row] = {}
        self.refers: dict[str, Row] = {}
        self.created: dict[str, Row] = {}

    def intent(self, entry: Intent) -> None:
        """Take an intent or a refusal."""
        row, record_id = intent_row(entry), entry.id
        if isinstance(entry, Refusal):
            self.whole[record_id] = row + refusal_row(entry)
            return
        if (ended := self.ended.pop(record_id, None)) is not None:
            self.whole[record_id] = row + ended[1:]
        elif record_id not in self.whole:
            self.opened[record_id] = row
        if entry.refers:
            self.refers[record_id] = (record_id, json_text(entry.refers))

    def outcome(self, entry: Outcome) -> None:
        """Take an outcome."""
        row, record_id = outcome_row(entry), entry.id
        if entry.status < 300 and (made := made_by(entry.facts)):
            self.created[record_id] = (record_id, json_text(made))
        if (opened := self.opened.pop(record_id, None)) is not None:
            self.whole[record_id] = opened + row
        elif record_id not in self.whole:
            self.ended[record_id] = (record_id, *row)

    def line(self, entry: Line) -> None:
        """Take a line."""
        self.lines[entry.id] = line_row(entry)

    def turn(self, entry: Turn) -> None:
        """Take a turn that begins or has ended."""
        rows = self.turned if entry.outcome else self.begun
        rows[entry.id] = turn_row(entry)
