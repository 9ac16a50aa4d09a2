"""Record v1: the evidence of an exchange, field by field. Frozen: later versions add fields, they never change or drop one.

A record is two entries of one exchange, an `Intent` (durable before the first byte goes upstream) and an `Outcome` (durable
before the answer's end is released), or a single `Refusal` when nothing went upstream. A `Line` is one of many queries in the
body of one exchange, a `Turn` one answer within a session, a `Mark` an entry about the ledger itself. Each entry has a place
`(instance, epoch, seq)`; `seq` starts at 1 and has no gap within `(instance, epoch)`.

The canonical bytes of an entry are its evidence as `encode` writes it: one JSON object, UTF-8, no white space, fields in the
order below, fields at their default left out. They are kept as written and never re-encoded: whoever verifies hashes bytes.
docs/adr/0002-record-v1.md describes every field; a test keeps the two in step.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.core.principal import UNDECLARED
from proxy.core.references import Refer

RECORD_FORMAT = 1


class Position(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The place of an entry: instance (writer's id), epoch (one run of that writer), seq (from 1, gap-free)."""

    instance: str
    epoch: int
    seq: int


class Content(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where the sealed content part of an entry is, and under which key.

    `mode`: `full`, or `digests` (salts only; the bytes were never kept). `key`: id of the content key in the keyring.
    `pieces`: bytes that went to the spool ahead of this entry, as pieces of the same stream; the rest is with the entry.
    """

    mode: str
    key: str
    pieces: int = 0


class Versions(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What was in force: the snapshot's number, the contract and the model's licence that the upstream's configuration named, the
    version of the terms catalogue, and the first 16 hex digits of the bundle's digest.
    """

    snapshot: int = 0
    contract: str = ""
    terms: str = ""
    policies: str = ""
    licence: str = ""


class Intent(msgspec.Struct, tag="intent", tag_field="kind", omit_defaults=True, kw_only=True):
    """What is about to be asked of an upstream.

    Times: `at` microseconds since 1970 UTC, `mono` nanoseconds of the writer's clock.
    """

    v: int
    id: str
    instance: str
    epoch: int
    seq: int
    at: int
    mono: int
    principal: str
    credential: str
    key: str = ""
    end_user: str = ""
    purpose: str
    attributes: dict[str, str] = {}
    project: str = ""
    upstream: str
    host: str
    dialect: str
    endpoint: str
    method: str
    target: str
    agent: str = ""
    source: str = ""
    retry: int = 0
    model_requested: str = ""
    facts: RequestFacts
    request_bytes: int
    received: str
    sent_bytes: int = 0
    sent: str = ""
    versions: Versions
    verdict: str
    decision: str
    clauses: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    content: Content
    refers: tuple[Refer, ...] = ()
    plan: str = ""
    standing: str = "normal"
    purposes: tuple[str, ...] = (UNDECLARED,)
    basis: str = ""
    obligations: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    confirmed: bool = True
    conflict: bool = False
    assumed: str = ""
    shadow: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    trace: str = ""


class Refusal(Intent, tag="refusal", tag_field="kind", omit_defaults=True, kw_only=True):
    """An exchange that we answered ourselves: the fields of an intent, as far as they are known, and why. Nothing went upstream.
    `limit` is the one that was used up.
    """

    outcome: str = "refused"
    status: int
    error: str
    limit: str = ""


class Outcome(msgspec.Struct, tag="outcome", tag_field="kind", omit_defaults=True, kw_only=True):
    """How an exchange ended: `completed | upstream_error | client_gone | cut | unknown_after_crash`.

    `intent` is the place of the intent it closes. `answer_bytes` are body bytes received from upstream, `delivered_bytes` body
    bytes handed to the client's connection (what is held is not counted until released); `answered` commits to the former.
    `status` is the upstream's, 0 when there was none. Durations in microseconds from the arrival of the request's head.
    Of a session: `request_bytes` that the client sent after its request, `received` commits to them with the intent's salt.
    """

    v: int
    id: str
    instance: str
    epoch: int
    seq: int
    at: int
    mono: int
    intent: Position
    outcome: str
    status: int = 0
    error: str = ""
    model_returned: str = ""
    upstream_request_id: str = ""
    facts: AnswerFacts
    answer_bytes: int = 0
    delivered_bytes: int = 0
    answered: str = ""
    first_byte_us: int = 0
    duration_us: int = 0
    content: Content | None = None
    request_bytes: int = 0
    received: str = ""


class Mark(msgspec.Struct, tag="mark", tag_field="kind", omit_defaults=True, kw_only=True):
    """An entry about the ledger itself: `boot | stop | recovered | gap | incident | heartbeat`, with plain details."""

    v: int
    id: str
    instance: str
    epoch: int
    seq: int
    at: int
    mono: int
    event: str
    detail: dict[str, str | int] = {}


class Piece(msgspec.Struct, frozen=True, gc=False):
    """`length` bytes at `offset` of the body that the record `id` received."""

    id: str
    offset: int
    length: int


class Line(msgspec.Struct, tag="line", tag_field="kind", omit_defaults=True, kw_only=True):
    """One query of many that a carrier's body holds (docs/adr/0007-carried-lines.md); durable before the carrier's intent.

    `carrier` is the record id of the exchange that brought it, `number` counts its lines from 0. The line is the `length` bytes
    at `offset` of the carrier's body; `received` commits to them with the salt `line_salt` derives from the carrier's.
    A line that was cut between requests is joined from `pieces` of their records; its carrier had its end, or completed the file.
    `endpoint`: `batch_line | training_line | eval_line`; `method` and `target` are what it would call, where we know that.
    """

    v: int
    id: str
    instance: str
    epoch: int
    seq: int
    at: int
    mono: int
    carrier: str
    number: int
    custom_id: str = ""
    offset: int
    length: int
    principal: str
    end_user: str = ""
    purpose: str
    upstream: str
    dialect: str
    endpoint: str
    method: str = ""
    target: str = ""
    model_requested: str = ""
    facts: RequestFacts
    received: str
    verdict: str = "allow"
    decision: str = "allow"
    clauses: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    refers: tuple[Refer, ...] = ()
    basis: str = ""
    obligations: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    confirmed: bool = True
    conflict: bool = False
    assumed: str = ""
    shadow: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()


class Turn(msgspec.Struct, tag="turn", tag_field="kind", omit_defaults=True, kw_only=True):
    """One answer within a session, and what was asked for it (docs/adr/0011-realtime-turns.md). Written twice under one id: when it
    begins, without `outcome`, and when it has ended.

    `carrier` is the record id of the session, `number` counts its turns from 1. `asked_from` and `asked_to` are the first byte and
    the end in the bytes that the client sent after its request, `answered_from` and `answered_to` in those of the answer.
    """

    v: int
    id: str
    instance: str
    epoch: int
    seq: int
    at: int
    mono: int
    carrier: str
    number: int
    principal: str
    end_user: str = ""
    purpose: str
    upstream: str
    dialect: str
    endpoint: str
    model_requested: str = ""
    model_returned: str = ""
    facts: RequestFacts
    answer: AnswerFacts
    asked_from: int = 0
    asked_to: int = 0
    answered_from: int = 0
    answered_to: int = 0
    verdict: str = "allow"
    decision: str = "allow"
    outcome: str = ""
    error: str = ""
    duration_us: int = 0
    clauses: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    refers: tuple[Refer, ...] = ()
    basis: str = ""
    obligations: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    confirmed: bool = True
    conflict: bool = False
    assumed: str = ""
    shadow: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


Entry = Intent | Outcome | Refusal | Mark | Line | Turn

encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def decode(evidence: bytes) -> Entry:
    """An entry from its canonical bytes.

    Raises: msgspec.DecodeError, msgspec.ValidationError when they are not a record v1 entry.
    """
    return _decoder.decode(evidence)


# begun once: OpenSSL looks its algorithm up for each that is begun, a third of what these cost
_NOTHING, _LEAF = hashlib.sha256(), hashlib.sha256(b"\x00")


def commitment(salt: bytes, content: bytes) -> str:
    """64 hex digits of SHA-256(salt ‖ content): opens only with the salt, so that a short prompt cannot be guessed from it."""
    hashed = _NOTHING.copy()
    hashed.update(salt + content)
    return hashed.hexdigest()


def line_salt(salt: bytes, number: int) -> bytes:
    """The salt of a carrier's line: HMAC-SHA256(carrier's salt, number as u64, big-endian), 32 bytes."""
    return hmac.digest(salt, number.to_bytes(8, "big"), "sha256")


def leaf(evidence: bytes) -> bytes:
    """The entry's leaf hash, SHA-256(0x00 ‖ canonical bytes) (RFC 9162 §2.1.1)."""
    hashed = _LEAF.copy()
    hashed.update(evidence)
    return hashed.digest()
