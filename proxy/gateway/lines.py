"""The lines of one carrier: each is judged like a direct call and becomes an entry; the strictest decides about the carrier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from proxy.core.decision import ALLOWED, NO_OBJECTION, stricter_decision, stricter_verdict
from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.core.ids import RecordIds
from proxy.core.oneshot import Oneshot
from proxy.dialects.carried import Meaning
from proxy.dialects.lines import Carried
from proxy.dialects.parameters import flag
from proxy.dialects.passthrough import OTHER
from proxy.gateway.allowances import ALL, Spent, estimated
from proxy.gateway.judges import Steps, called, judged
from proxy.gateway.references import References
from proxy.gateway.routes import Route
from proxy.gateway.transform import untransformable
from proxy.ledger.record import RECORD_FORMAT, Line

_MOST_MODELS = 16
_MOST_ROUTES = 1000
_MOST_NAMED = 20
_MOST_MESSAGES = 5
_HIDING = {"encoded_body_unread", "form_unread"}
"""Flags of a file whose lines, where some were read, need not be all of it."""


class Writer(Protocol):
    """The lines of one carrier, as they are recorded."""

    unsynced: int
    """Bytes of lines that are not durable yet."""

    def begin(self, number: int) -> Any:
        """The digest of a line, its salt already in it."""
        ...

    def write(self, lines: Sequence[Line]) -> Oneshot[None]:
        """Filled when they are durable; fails with LedgerUnavailableError."""
        ...


class Lines(Protocol):
    """Where lines are recorded."""

    def lines(self, stream: Any) -> Writer:
        """What records the queries that the body of an exchange carries."""
        ...


class Judged:
    """The lines of `carrier` so far. `keyed` hides the client's own names. `spent` is what they count together, in all and where
    rules limit them.
    """

    def __init__(self, carrier: Exchange, judges: Steps, keyed: Callable[[str], str], references: References | None = None) -> None:
        self.spent: Spent = {}
        self._carrier = carrier
        self._references = references
        self._judges = judges
        self._keyed = keyed
        self._ids = RecordIds()
        self._routes: dict[tuple[str, str], Route] = {}
        self._verdict = NO_OBJECTION
        self._decision = ALLOWED
        self._denied: list[int] = []
        self._messages: dict[str, None] = {}
        self._denials = 0
        self._count = 0
        self._unread = 0
        self._models: dict[str, None] = {}

    def add(self, line: Carried, meaning: Meaning, received: str, at: int, mono: int) -> Line:
        """The entry of a line, once everybody was asked whose word counts; its place is left to the ledger."""
        carrier = self._carrier
        facts = meaning.facts
        end_user, facts.end_user = facts.end_user, None
        asked = Exchange(self._ids.next(at), at, mono, carrier.request)
        asked.caller, asked.facts, asked.route = carrier.caller, facts, self._route(meaning)
        if facts.references and self._references is not None:
            asked.refers = self._references.resolve(asked)
        asked.call = called(asked, meaning.call.method, line.length)
        asked.verdict = self._judges.terms(asked)
        asked.decision = untransformable(self._judges.policy(asked), "a line of a file or batch")
        self._verdict = stricter_verdict(self._verdict, asked.verdict)
        self._decision = stricter_decision(self._decision, asked.decision)
        self._note(asked, line.number)
        self._count += 1
        self._unread += facts.inspection == "none"
        if facts.model and len(self._models) <= _MOST_MODELS:
            self._models[facts.model] = None
        entry = _entry(asked, carrier, line, meaning)
        entry.custom_id = self._keyed(meaning.custom_id) if meaning.custom_id else ""
        entry.end_user = self._keyed(end_user) if end_user else ""
        entry.received = received
        return entry

    def _note(self, asked: Exchange, number: int) -> None:
        """Remember which lines are denied, and what those that are limited count."""
        decision = asked.decision
        if decision.effect == "deny":
            self._denials += 1
            if len(self._denied) < _MOST_NAMED:
                self._denied.append(number)
            if len(self._messages) < _MOST_MESSAGES:
                self._messages[decision.message] = None
        question, answers = estimated(asked.facts)
        every = self.spent.setdefault(ALL, [0, 0, 0])
        every[0] += 1
        every[1] += question
        every[2] += answers
        for rule in decision.throttles:
            spent = self.spent.setdefault(rule, [0, 0])
            spent[0] += 1
            spent[1] += question + answers

    def decide(self) -> None:
        """Let the strictest of the lines decide about the carrier too; a denial says by which rules which lines are denied."""
        carrier = self._carrier
        carrier.verdict = stricter_verdict(carrier.verdict, self._verdict)
        own, lines = carrier.decision, self._decision
        decision = stricter_decision(own, lines)
        carried = tuple([each for each in lines.rules + lines.shadow if each not in own.rules and each not in own.shadow])
        message = decision.message
        if self._denials:
            said = own.message if own.effect == "deny" else ""
            for each in self._messages:
                said = said if each in said else f"{said} {each}".lstrip()
            message = f"{said} {self._which()}"
        carrier.decision = msgspec.structs.replace(decision, message=message, carried=carried)

    def _which(self) -> str:
        more = self._denials - len(self._denied)
        named = ", ".join(map(str, self._denied)) + (f" and {more} more" if more else "")
        return f"{'Line' if self._denials == 1 else 'Lines'} {named}, counted from 0."

    def counted(self, facts: RequestFacts) -> RequestFacts:
        """The carrier's facts with what is said of its lines together."""
        if not self._count:
            return facts
        route: Route = self._carrier.route
        if route.endpoint.carries == "file" and "media" in facts.flags and not _HIDING.intersection(facts.flags):
            facts.flags = [each for each in facts.flags if each != "media"]  # a file that was read line by line hides nothing
            facts.media, facts.inspection = 0, "partial" if facts.flags else "full"
        facts.lines = facts.prompts = self._count
        facts.models = list(self._models)[:_MOST_MODELS]
        if len(self._models) > _MOST_MODELS:
            flag(facts, "many_models")
        if facts.model is None and len(facts.models) == 1:
            facts.model = facts.models[0]
        if self._unread:
            whole = facts.inspection != "none"
            flag(facts, "lines_unread")
            facts.inspection = "partial" if whole else "none"
        return facts

    def _route(self, meaning: Meaning) -> Route:
        """The way the line's call would go, by the name that policies know lines by."""
        call = meaning.call
        key = (meaning.endpoint, call.target)
        known = self._routes.get(key)
        if known is None:
            route: Route = self._carrier.route
            endpoint = msgspec.structs.replace(call.row or OTHER, name=meaning.endpoint)
            known = Route(route.upstream, route.dialect, endpoint, call.path, call.target.encode("ascii", "replace"), None)
            if len(self._routes) < _MOST_ROUTES:
                self._routes[key] = known
        return known


def _entry(asked: Exchange, carrier: Exchange, line: Carried, meaning: Meaning) -> Line:
    """The evidence of a line; what hides a client's names, the commitment and the place are left to others."""
    route: Route = carrier.route
    return Line(
        v=RECORD_FORMAT,
        id=asked.id,
        instance="",
        epoch=0,
        seq=0,
        at=asked.at,
        mono=asked.mono,
        carrier=carrier.id,
        number=line.number,
        offset=line.offset,
        length=line.length,
        principal=carrier.caller.principal.name,
        purpose=carrier.caller.purpose,
        upstream=route.upstream.name,
        dialect=route.dialect.name,
        endpoint=meaning.endpoint,
        method=meaning.call.method,
        target=meaning.call.target,
        model_requested=asked.facts.model or "",
        facts=asked.facts,
        received="",
        refers=asked.refers,
        **judged(asked.verdict, asked.decision),
    )
