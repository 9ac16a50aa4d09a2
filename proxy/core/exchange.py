"""The exchange: one request and its answer, and what each step of the corridor found out about it."""

from __future__ import annotations

from typing import Any

from proxy.core.call import Call
from proxy.core.decision import ALLOWED, GRANTED, NO_OBJECTION, Decision, Grant, Verdict
from proxy.core.facts import RequestFacts
from proxy.core.principal import UNDECLARED, Credential, Principal
from proxy.core.references import Refer

NOBODY = Principal("nobody")
NO_CREDENTIAL = Credential("none", "")


class Exchange:
    """The one object that travels. Each step reads what earlier steps set and sets exactly one field.

    `request`, `route`, `body`, `stream` and `answer` belong to floors above this one, which core cannot name; steps annotate them.
    `counted` is what it stands as in the worker's figures: empty while only admitted, then `refused`, or `open` and then `ended`.
    Times: `at` microseconds since 1970 UTC, `mono` nanoseconds of the monotonic clock, both of the head's arrival.
    """

    __slots__ = (
        "answer",
        "at",
        "body",
        "call",
        "caller",
        "counted",
        "decision",
        "facts",
        "grant",
        "id",
        "intent",
        "mono",
        "refers",
        "request",
        "route",
        "stream",
        "verdict",
    )

    def __init__(self, record_id: str, at: int, mono: int, request: Any) -> None:
        self.id = record_id
        self.at = at
        self.mono = mono
        self.request = request
        self.route: Any = None
        self.caller = UNKNOWN_CALLER
        self.stream: Any = None
        self.body: Any = None
        self.facts = NO_FACTS
        self.refers: tuple[Refer, ...] = ()
        self.call = NO_CALL
        self.verdict: Verdict = NO_OBJECTION
        self.decision: Decision = ALLOWED
        self.grant: Grant = GRANTED
        self.intent: Any = None
        self.counted = ""
        self.answer: Any = None


class Caller:
    """Who asks, with what, for what: the result of the identity step.

    `purpose` is the one declared for this call. `source` is keyed. `inject` tells that the provider's key takes the place of the
    credential that came. `refused` is why this caller may not go on (a `gateway.refusal.Refused`), None when it may: who was
    refused is recorded too. `lasting`: the same object stands for every call of this kind.
    """

    __slots__ = ("credential", "inject", "lasting", "principal", "purpose", "refused", "source")

    def __init__(
        self,
        principal: Principal,
        credential: Credential,
        purpose: str,
        *,
        source: str = "",
        inject: bool = False,
        refused: Any = None,
    ) -> None:
        self.principal = principal
        self.credential = credential
        self.purpose = purpose
        self.source = source
        self.inject = inject
        self.refused = refused
        self.lasting = False


UNKNOWN_CALLER = Caller(NOBODY, NO_CREDENTIAL, UNDECLARED)
NO_FACTS = RequestFacts(inspection="none")
NO_CALL = Call(0, "", "", "", "", "", NO_FACTS, NOBODY, NO_CREDENTIAL, UNDECLARED)
