"""Calls for tests of policies."""

from __future__ import annotations

from proxy.core.call import Call
from proxy.core.decision import NO_OBJECTION, Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import Credential, Principal
from proxy.core.references import Refer

AT = 1_795_354_200_000_000
"""2026-11-22 13:30 UTC, a Sunday."""

ANYONE = Principal("anyone", ("use.internal",), "use.internal")


def call(
    facts: RequestFacts,
    *,
    principal: Principal = ANYONE,
    purpose: str = "use.internal",
    upstream: str = "openai",
    endpoint: str = "chat",
    refers: tuple[Refer, ...] = (),
    verdict: Verdict = NO_OBJECTION,
    at: int = AT,
) -> Call:
    """A call to OpenAI with these facts."""
    credential = Credential("bearer", "ab" * 32, "api_key")
    made = Call(
        at, upstream, "api.openai.com", "openai", endpoint, "POST", facts, principal, credential, purpose, refers=refers, size=100
    )
    made.verdict = verdict
    return made
