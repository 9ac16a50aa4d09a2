"""What the detector is fed of an ended exchange: its evidence, and of its content the text that is opened for it, bounded.

Requests and answers are read by the dialects, as the gateway read them, through `observing`: so an exchange of the ledger and the
same exchange recorded elsewhere give the same observations. Where nothing can be opened (`content: digests`, erased, too large),
there is one observation of the facts alone, which says nothing about text: neither for nor against anybody.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import zstandard

from proxy.control.observing import Asked, observations
from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.core.principal import UNDECLARED
from proxy.detection.records import ANSWER, Observation, observe
from proxy.dialects import by_name, find
from proxy.dialects.contract import Endpoint
from proxy.dialects.jsonio import read_leniently
from proxy.ledger.store_analysis import Ending, Opened

MOST_REQUEST = 1024 * 1024
"""Bytes of a request that are opened; one that is longer is known by its facts, a batch's file by its first lines."""

MOST_ANSWER = 256 * 1024
_MOST_STREAM = 32 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_FIRST_REFUSED = 400


class _Versions(msgspec.Struct, gc=False):
    policies: str = ""


class _Content(msgspec.Struct, gc=False):
    mode: str = "full"


class Query(msgspec.Struct, gc=False):
    """The fields of an intent or a turn that matter here."""

    id: str
    at: int
    principal: str
    upstream: str
    dialect: str
    endpoint: str
    facts: RequestFacts
    purpose: str = UNDECLARED
    project: str = ""
    method: str = "POST"
    target: str = ""
    agent: str = ""
    source: str = ""
    retry: int = 0
    received: str = ""
    request_bytes: int = 0
    clauses: tuple[str, ...] = ()
    versions: _Versions = msgspec.field(default_factory=_Versions)
    content: _Content = msgspec.field(default_factory=_Content)
    outcome: str = ""
    answer: AnswerFacts = msgspec.field(default_factory=AnswerFacts)


class _End(msgspec.Struct, gc=False):
    facts: AnswerFacts = msgspec.field(default_factory=AnswerFacts)
    answer_bytes: int = 0


class Look(msgspec.Struct, gc=False):
    """An ended exchange, decoded. `answered`: an upstream took it, and with it the credential."""

    query: Query
    answer: AnswerFacts
    status: int
    answer_bytes: int
    kind: str

    @property
    def answered(self) -> bool:
        """Whether an upstream took the call."""
        return self.kind == "turn" or 0 < self.status < _FIRST_REFUSED

    @property
    def opens(self) -> int:
        """Bytes of content that are worth while to be opened for it, 0 for none."""
        query = self.query
        if self.kind == "turn" or not self.answered or query.content.mode != "full" or query.method != "POST":
            return 0
        return min(query.request_bytes, MOST_REQUEST) + min(self.answer_bytes, MOST_ANSWER)


_query = msgspec.json.Decoder(Query).decode
_end = msgspec.json.Decoder(_End).decode


def look(ending: Ending) -> Look | None:
    """An ending, decoded; None for what a later version wrote, and for the beginning of a turn."""
    try:
        query = _query(ending.asked)
        if ending.kind == "turn":
            return Look(query, query.answer, 200, 0, ending.kind) if query.outcome else None
        end = _end(ending.ended)
    except msgspec.MsgspecError:
        return None
    return Look(query, end.facts, ending.status, end.answer_bytes, ending.kind)


def seen_of(look: Look, opened: Opened | None) -> Iterator[Observation]:
    """What the detector is to be shown of it: an observation for each prompt. Never raises on any content."""
    query = look.query
    dialect, row, _ = find(by_name(query.dialect), query.method, _path(query))
    if query.method != "POST" or (not row.carries and not row.json_body and row.name != "other" and look.kind != "turn"):
        return
    body = _body(opened.request, row, query) if opened is not None and opened.request is not None else None
    if type(body) is dict:
        answer = _answer(opened.answer, row, look.answer) if opened is not None and opened.answer is not None else ""
        asked = _asked(look, _path(query), body, answer)
        asked.dialect = dialect.name
        count = 0
        for each in observations(asked):
            count += each.weight
            each.record = query.id
            yield each
        if row.carries and query.facts.lines > count:
            yield _by_facts(look, row, query.facts.lines - count, carried=True)
    elif row.carries:
        if query.facts.lines:
            yield _by_facts(look, row, query.facts.lines, carried=True)
    else:
        yield _by_facts(look, row, max(1, query.facts.prompts))


def _path(query: Query) -> str:
    """The path behind the upstream's name."""
    path = query.target.partition("?")[0]
    return path[len(query.upstream) + 1 :] if path.startswith(f"/{query.upstream}/") else path


def _asked(look: Look, path: str, body: Any, answer: str) -> Asked:
    query, usage = look.query, look.answer.usage
    counted = usage if usage is not None and not usage.estimated else None
    return Asked(
        query.principal,
        query.at / 1e6,
        query.method,
        path,
        body,
        look.status or 200,
        answer,
        counted.input if counted is not None else 0,
        counted.output if counted is not None else 0,
        query.retry > 0,
        query.agent[:200],
        query.source,
        query.project,
        query.purpose,
        answer_chars=look.answer.text_chars,
    )


def _by_facts(look: Look, row: Endpoint, weight: int, *, carried: bool = False) -> Observation:
    query, usage = look.query, look.answer.usage
    teaches = row.teaches or carried or look.kind == "turn"
    made = observe(query.principal, query.at / 1e6, query.endpoint, query.facts, (), teaches=teaches, weight=weight)
    made.carried = carried
    made.record = query.id
    made.identity = int(query.received[:16] or "0", 16)  # salted: whether it came before nobody knows
    made.answer_chars = look.answer.text_chars
    if usage is not None and not usage.estimated:
        made.input_tokens, made.output_tokens = usage.input, usage.output
    made.status, made.retried, made.purpose = look.status or 200, query.retry > 0, query.purpose
    made.agent, made.source, made.tenant = query.agent[:200], query.source, query.project
    return made


def _body(request: bytes, row: Endpoint, query: Query) -> Any:
    """The body's tree; of a form, fields and the file's text as far as it was opened; None for what is not to be read."""
    whole = query.request_bytes <= MOST_REQUEST
    plain = _plain(request, MOST_REQUEST)
    if row.carries == "form":
        form = _form(plain)
        if form is not None and row.upload and query.facts.file_purpose:
            form |= {"purpose": query.facts.file_purpose, "file": form.get("data", "")}
        return form
    if row.carries in ("jsonl", "file"):
        return {"file": plain.decode("utf-8", "replace"), "purpose": "batch"}
    return read_leniently(plain) if whole else None


def _form(body: bytes) -> dict[str, Any] | None:
    """A form's plain fields, and its file as text under `file`."""
    boundary = body[2 : body.find(b"\r\n")]
    if not body.startswith(b"--") or not boundary:
        return None
    fields: dict[str, Any] = {}
    for part in body.split(b"--" + boundary)[1:]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = _named(head)
        if name:
            fields[name] = content.removesuffix(b"\r\n").decode("utf-8", "replace")
    return fields


def _named(head: bytes) -> str:
    _, found, rest = head.partition(b' name="')
    return rest.partition(b'"')[0].decode("utf-8", "replace") if found else ""


def _answer(content: bytes, row: Endpoint, facts: AnswerFacts) -> str:
    """The beginning of the answer's text, read by the dialect."""
    if not facts.text_chars:
        return ""
    plain = _plain(content, MOST_ANSWER)
    begin = plain[:64].lstrip()
    stream = "json" if begin.startswith((b"{", b"[")) else "sse"
    reader = row.answer(stream, True)
    reader.feed(plain[:_MOST_STREAM] if stream == "sse" else plain)
    return reader.facts().text[:ANSWER]


def _plain(content: bytes, most: int) -> bytes:
    """Content without the coding it came in, as far as its first bytes show it."""
    try:
        if content.startswith(_GZIP):
            return zlib.decompressobj(wbits=31).decompress(content, most)
        if content.startswith(_ZSTD):
            return zstandard.ZstdDecompressor().decompressobj().decompress(content)[:most]
    except (zlib.error, zstandard.ZstdError):
        return b""
    return content
