"""The names by which a policy speaks of a call: one table, from which the CEL environment, the compiled closures, `match`, the
documentation (docs/reference/policy.md) and explanations are made.

Every name always has a value of its type, so that no expression fails for want of one: what a client did not say has the value that
providers take then (`n` is 1, `temperature` 1.0), or, where there is none, 0 or the empty text; `said` tells which were said.
Texts that a client wrote are well-formed Unicode here, since the reference evaluator takes no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from proxy.core.call import Call
from proxy.core.decision import VERDICTS
from proxy.core.principal import PURPOSES, UNDECLARED
from proxy.core.references import FOREIGN, UNKNOWN, kind_of

STRING, INT, DOUBLE, BOOL = "string", "int", "double", "bool"
LIST, MAP, TIMESTAMP = "list<string>", "map<string, string>", "timestamp"

Value = str | int | float | bool | Sequence[str] | Mapping[str, str] | datetime


class Name(NamedTuple):
    """One name. `get` finds its value in a call. `match`: may stand under `match` (texts and lists of texts may). `words`: all
    values it can have, where that is settled; empty where it is open.
    """

    name: str
    type: str
    meaning: str
    get: Callable[[Call], Value]
    match: bool = False
    words: tuple[str, ...] = ()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000
_THURSDAY = 3
"""1970-01-01 was one; counted from Monday."""

_OPTIONAL = ("n", "top_logprobs", "temperature", "top_p", "max_tokens", "seed", "response_format", "reasoning", "epochs")

INSPECTIONS = ("full", "partial", "none")
BASES = ("express_grant", "exception", "silence", "prohibition")
STANDINGS = ("normal", "watched", "limited", "suspended")
CREDENTIALS = ("bearer", "x-api-key", "api-key", "x-goog-api-key", "query", "virtual", "jwt", "none")


def _text(written: str | None) -> str:
    """A client's word as well-formed Unicode; a lone surrogate becomes a question mark."""
    if written is None or written.isascii():
        return written or ""
    return written.encode("utf-8", "replace").decode()


def _texts(written: list[str]) -> Sequence[str]:
    return [_text(each) for each in written]


def _kinds(call: Call) -> Sequence[str]:
    return list(dict.fromkeys([kind_of(each) for each in call.facts.references]))


def _said(call: Call) -> Sequence[str]:
    return [name for name in _OPTIONAL if getattr(call.facts, name) is not None]


def _at(call: Call) -> datetime:
    return _EPOCH + timedelta(microseconds=call.at)


# fmt: off
NAMES: tuple[Name, ...] = (
    Name("upstream", STRING, "name of the configured upstream", lambda c: c.upstream, match=True),
    Name("host", STRING, "host that the upstream's `base_url` names", lambda c: c.host, match=True),
    Name("dialect", STRING, "wire format of the request", lambda c: c.dialect, match=True),

            Name("endpoint", STRING, "the dialect's word for the endpoint: `chat`, `responses`, `messages`, `batch_line` …",
         lambda c: c.endpoint, match=True),
    Name("method", STRING, "HTTP method", lambda c: c.method, match=True),
    Name("model", STRING, "model that the request names, as it is written there; empty if it names none",
         lambda c: _text(c.facts.model), match=True),
    Name("models", LIST, "models that the lines of a carrier (a batch, an upload) name, the first 16",
         lambda c: _texts(c.facts.models), match=True),
    Name("purpose", STRING, "declared purpose of use; `undeclared` if nobody declared one", lambda c: c.purpose, True, PURPOSES),
    Name("declared", BOOL, "whether a purpose was declared", lambda c: c.purpose != UNDECLARED),
    Name("inspection", STRING, "how far the request was understood", lambda c: c.facts.inspection, True, INSPECTIONS),
    Name("flags", LIST, "what was odd about the request: `not_json`, `reference`, `odd_types` …",
         lambda c: c.facts.flags, match=True),
    Name("stream", BOOL, "the answer is asked for as a stream", lambda c: c.facts.stream),
    Name("messages", INT, "turns of the conversation", lambda c: c.facts.messages),
    Name("system_chars", INT, "characters of instructions", lambda c: c.facts.system_chars),
    Name("prompt_chars", INT, "characters of the conversation", lambda c: c.facts.prompt_chars),
    Name("prompts", INT, "prompts in one request", lambda c: c.facts.prompts),
    Name("media", INT, "pictures, sounds and files within the conversation", lambda c: c.facts.media),
    Name("tools", INT, "tools offered to the model", lambda c: c.facts.tools),
    Name("n", INT, "answers asked for; 1 if not said", lambda c: 1 if c.facts.n is None else c.facts.n),
    Name("logprobs", BOOL, "log probabilities are asked for", lambda c: c.facts.logprobs),
    Name("top_logprobs", INT, "alternatives asked for at each token; 0 if not said", lambda c: c.facts.top_logprobs or 0),
    Name("logit_bias", INT, "tokens whose probability the client changes", lambda c: c.facts.logit_bias),
    Name("temperature", DOUBLE, "1.0 if not said", lambda c: 1.0 if c.facts.temperature is None else c.facts.temperature),
    Name("top_p", DOUBLE, "1.0 if not said", lambda c: 1.0 if c.facts.top_p is None else c.facts.top_p),
    Name("max_tokens", INT, "bound of the answer; 0 if not said", lambda c: c.facts.max_tokens or 0),
    Name("seed", INT, "0 if not said", lambda c: c.facts.seed or 0),
    Name("response_format", STRING, "`json_object`, `json_schema` …; empty if not said", lambda c: _text(c.facts.response_format),
         match=True),
    Name("reasoning", STRING, "effort or budget of reasoning, as the provider writes it; empty if not said",
         lambda c: _text(c.facts.reasoning), match=True),
    Name("said", LIST, "which of " + ", ".join(f"`{name}`" for name in _OPTIONAL) + " the client said", _said),
    Name("stored", BOOL, "the provider is asked to keep the answer", lambda c: c.facts.stored),
    Name("file_purpose", STRING, "what an uploaded file is for, in the provider's word; empty for what is no upload",
         lambda c: _text(c.facts.file_purpose), match=True),
    Name("batch_endpoint", STRING, "path that a batch's lines call; empty for what is no batch",
         lambda c: _text(c.facts.batch_endpoint), match=True),
    Name("training", STRING, "how a model is to be trained: `supervised`, `dpo` …; empty for what trains none",
         lambda c: _text(c.facts.training), match=True),
    Name("epochs", INT, "passes over the training file; 0 if not said", lambda c: c.facts.epochs or 0),
    Name("lines", INT, "queries that the body carries (a batch, an upload)", lambda c: c.facts.lines),
    Name("audio_bytes", INT, "speech given for one turn of a session, in bytes", lambda c: c.facts.audio_bytes),
    Name("body_bytes", INT, "size of the request's body", lambda c: c.size),
    Name("references", LIST, "kinds of what the request uses but does not contain: `file`, `response`, `batch` …",
         _kinds, match=True),
    Name("unresolved", BOOL, "it refers to something whose making is in no record known here",
         lambda c: UNKNOWN in c.facts.flags or any(refer.miss for refer in c.refers)),
    Name("foreign", BOOL, "it refers to something that another principal made",
         lambda c: FOREIGN in c.facts.flags or any(refer.foreign for refer in c.refers)),
    Name("refers.purposes", LIST, "purposes of the calls that made what it refers to",
         lambda c: list(dict.fromkeys([refer.purpose for refer in c.refers if refer.purpose])), True, PURPOSES),
    Name("refers.verdicts", LIST, "verdicts of the calls that made what it refers to",
         lambda c: list(dict.fromkeys([refer.verdict for refer in c.refers if refer.verdict])), True, VERDICTS),
    Name("principal.name", STRING, "who asks", lambda c: c.principal.name, match=True),
    Name("principal.project", STRING, "the principal's project; empty if it has none",
         lambda c: c.principal.project or "", match=True),
    Name("principal.automatic", BOOL, "nobody configured the principal: it is known by its key alone",
         lambda c: c.principal.automatic),
    Name("principal.standing", STRING, "what findings made of it", lambda c: c.principal.standing, True, STANDINGS),
    Name("principal.purposes", LIST, "purposes that it may declare", lambda c: c.principal.purposes, True, PURPOSES),
    Name("attributes", MAP, "the principal's attributes; ask `\"distributed\" in attributes` before you read one",
         lambda c: c.principal.attributes),
    Name("credential.kind", STRING, "where the key stood", lambda c: c.credential.kind, True, CREDENTIALS),

            Name("credential.plan", STRING, "`api_key`, `oauth_subscription`, `coding_plan`, as far as key and host tell",
         lambda c: c.credential.plan, match=True),
    Name("terms.verdict", STRING, "what the terms say of this call", lambda c: c.verdict.verdict, True, VERDICTS),
    Name("terms.basis", STRING, "why, of the strictest row; empty where there are no terms",
         lambda c: c.verdict.basis, True, BASES),
    Name("terms.clauses", LIST, "clauses that took part", lambda c: c.verdict.clauses, match=True),
    Name("terms.obligations", LIST, "what the terms oblige to", lambda c: c.verdict.obligations),
    Name("terms.rows", LIST, "contracts and licences that took part, without their versions",
         lambda c: [row.partition("@")[0] for row in c.verdict.rows], match=True),
    Name("terms.confirmed", BOOL, "what decided was seen in the primary text, or a named person adopted it",
         lambda c: c.verdict.confirmed),
    Name("terms.conflict", BOOL, "rows or clauses contradict each other", lambda c: c.verdict.conflict),
    Name("time.hour", INT, "hour of the query, UTC, 0 to 23", lambda c: c.at // _HOUR % 24),
    Name("time.weekday", INT, "day of the week, UTC, 1 (Monday) to 7 (Sunday)", lambda c: (c.at // _DAY + _THURSDAY) % 7 + 1),
    Name("time.day", STRING, "date of the query, UTC, as `2026-11-22`; dates compare as texts",
         lambda c: _at(c).date().isoformat()),
    Name("time.at", TIMESTAMP, "moment of the query", _at),
)
# fmt: on

MINUTE = Name(
    "time.at", TIMESTAMP, "the beginning of the minute of the query", lambda c: _EPOCH + timedelta(minutes=c.at // _MINUTE)
)
"""In place of `time.at` where an expression asks for nothing finer: its values come again."""

BY_NAME: dict[str, Name] = {name.name: name for name in NAMES}
MATCHED: tuple[str, ...] = tuple([name.name for name in NAMES if name.match])
"""What `match` may name."""
