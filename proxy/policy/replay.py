"""From a record to the call that was judged: evidence in, `Call` out, so that an old query can be judged by other rules.

Reads canonical bytes of record v1 (docs/reference/record.md) and no more of them than a judge may look at. Everything a rule can
name is in evidence; content is never opened. A line of a carrier and a turn of a session leave contract, host and credential to the
entry of the exchange that brought them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy.core.call import Call
from proxy.core.facts import RequestFacts
from proxy.core.principal import UNDECLARED, Credential, Principal
from proxy.core.references import Refer

KINDS = ("intent", "refusal", "line", "turn")
"""Entries that stand for a query."""

_AUTOMATIC = ("key:", "jwt:")
_MOST_PRINCIPALS = 4096


class SeenVersions(msgspec.Struct, frozen=True, gc=False):
    """`versions` of an entry: what was in force, and what the upstream's configuration named."""

    contract: str = ""
    terms: str = ""
    policies: str = ""
    licence: str = ""


class Seen(msgspec.Struct, gc=False):
    """What a judge and a reader of its judgement need of an entry, by the names of the record.

    Of a line or turn, `carrier` names the exchange that brought it. `status` is a refusal's, else 0; `error` its reason.
    `outcome`: of a turn that has ended.
    """

    id: str
    at: int
    principal: str
    purpose: str
    upstream: str
    dialect: str
    endpoint: str
    facts: RequestFacts
    method: str = ""
    host: str = ""
    credential: str = "none"
    key: str = ""
    plan: str = ""
    attributes: dict[str, str] = {}
    project: str = ""
    standing: str = "normal"
    purposes: tuple[str, ...] = (UNDECLARED,)
    model_requested: str = ""
    request_bytes: int = 0
    length: int = 0
    asked_from: int = 0
    asked_to: int = 0
    versions: SeenVersions = SeenVersions()
    verdict: str = "allow"
    decision: str = "allow"
    rules: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    refers: tuple[Refer, ...] = ()
    carrier: str = ""
    outcome: str = ""
    status: int = 0
    error: str = ""


_decoder = msgspec.json.Decoder(Seen)
_LIMITED = 429


def seen(evidence: bytes) -> Seen:
    """An intent, refusal, line or turn from its canonical bytes.

    Raises: msgspec.DecodeError, msgspec.ValidationError when they are not such an entry.
    """
    return _decoder.decode(evidence)


def was_judged(entry: Seen) -> bool:
    """Whether terms and policy were asked about it: a refusal before that (no key, not HTTP) says nothing about rules."""
    return not entry.status or entry.decision != "allow" or entry.status == _LIMITED


class Replay:
    """Makes calls of entries. What repeats (principals, credentials) is made once, at most `_MOST_PRINCIPALS` of it kept."""

    def __init__(self) -> None:
        self._principals: dict[tuple[Any, ...], Principal] = {}
        self._credentials: dict[tuple[str, str, str], Credential] = {}

    def call(self, entry: Seen, carrier: Seen | None = None) -> Call:
        """The call that an entry is of. `carrier`: the entry of the exchange that brought it, needed for a line and a turn."""
        asker = carrier or entry
        return Call(
            entry.at,
            entry.upstream,
            _host(asker.host),
            entry.dialect,
            entry.endpoint,
            entry.method or asker.method,
            _complete(entry),
            self._principal(entry, asker),
            self._credential(asker),
            entry.purpose,
            contract=asker.versions.contract,
            licence=asker.versions.licence,
            refers=entry.refers,
            size=entry.length or entry.asked_to - entry.asked_from or entry.request_bytes,
        )

    def _principal(self, entry: Seen, asker: Seen) -> Principal:
        attributes = asker.attributes
        key = (entry.principal, asker.project, asker.standing, asker.purposes, asker.credential, tuple(attributes.items()))
        found = self._principals.get(key)
        if found is None:
            if len(self._principals) >= _MOST_PRINCIPALS:
                self._principals.clear()
            found = self._principals[key] = Principal(
                entry.principal,
                asker.purposes,
                attributes=attributes,
                project=asker.project or None,
                standing=asker.standing,
                automatic=entry.principal.startswith(_AUTOMATIC) or entry.principal == "anonymous",
                virtual=asker.credential == "virtual",
            )
        return found

    def _credential(self, asker: Seen) -> Credential:
        key = (asker.credential, asker.key, asker.plan)
        found = self._credentials.get(key)
        if found is None:
            if len(self._credentials) >= _MOST_PRINCIPALS:
                self._credentials.clear()
            found = self._credentials[key] = Credential(*key)
        return found


def _host(authority: str) -> str:
    """The host of `host:port`, as rules name it."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0]


def _complete(entry: Seen) -> RequestFacts:
    """Facts as the judges had them: a turn that names no model is judged by that of its session."""
    facts = entry.facts
    if facts.model is None and entry.model_requested:
        facts.model = entry.model_requested
    return facts
