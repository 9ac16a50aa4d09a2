"""What the judges look at: one query, however it came (a request, a line of a carrier, a turn of a session, an old record)."""

from __future__ import annotations

from proxy.core.decision import NO_OBJECTION, Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.references import Refer


class Call:
    """One query to be judged: terms look at it first and set `verdict`, policy looks at it then.

    `at`: microseconds since 1970 UTC, of the query itself, so that an old one is judged by what was in force then. `contract` and
    `licence`: what the upstream's configuration names. `endpoint`: the dialect's word (`chat`, `batch_line` …). `size`: bytes of
    the body.
    """

    __slots__ = (
        "at",
        "contract",
        "credential",
        "dialect",
        "endpoint",
        "facts",
        "host",
        "licence",
        "method",
        "principal",
        "purpose",
        "refers",
        "size",
        "upstream",
        "verdict",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - what a judge may look at, each once
        self,
        at: int,
        upstream: str,
        host: str,
        dialect: str,
        endpoint: str,
        method: str,
        facts: RequestFacts,
        principal: Principal,
        credential: Credential,
        purpose: str,
        *,
        contract: str = "",
        licence: str = "",
        refers: tuple[Refer, ...] = (),
        size: int = 0,
    ) -> None:
        self.at = at
        self.upstream = upstream
        self.host = host
        self.dialect = dialect
        self.endpoint = endpoint
        self.method = method
        self.facts = facts
        self.principal = principal
        self.credential = credential
        self.purpose = purpose
        self.contract = contract
        self.licence = licence
        self.refers = refers
        self.size = size
        self.verdict: Verdict = NO_OBJECTION
