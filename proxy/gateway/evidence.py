"""From an exchange to its record: which fact stands in which field. The recorder adds place, commitments and content."""

from __future__ import annotations

import re
from copy import copy
from typing import Any

from proxy.core.decision import ALLOWED, NO_OBJECTION
from proxy.core.exchange import Caller, Exchange
from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.gateway.house import House
from proxy.gateway.judges import judged
from proxy.gateway.refusal import Refused
from proxy.gateway.relay import Ending, Relay
from proxy.gateway.routes import Route
from proxy.gateway.session import Session
from proxy.ledger.record import RECORD_FORMAT, Content, Intent, Outcome, Position, Refusal, Versions
from proxy.wire.head import ResponseHead
from proxy.wire.request import Request

_LONGEST_AGENT = 200
_LONGEST_ID = 200
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")
_SHOWN_DIGEST = 16
_MOST_TEMPLATES = 1024
_NOWHERE = Position("", 0, 0)
_NO_CONTENT = Content("full", "")


# What the same caller asks of the same endpoint is alike in most fields; copying them costs a tenth of setting them.
_templates: dict[tuple[Route, Caller, int], Intent] = {}


def intent(exchange: Exchange, house: House) -> Intent:
    """The intent of an exchange that is about to go upstream."""
    facts = exchange.facts
    end_user, facts.end_user = facts.end_user, None
    key = (exchange.route, exchange.caller, house.number)
    template = _templates.get(key)
    if template is None:
        template = Intent(**_common(exchange, house))
        if exchange.route.lasting and exchange.caller.lasting:  # else no other exchange has this route or caller
            if len(_templates) >= _MOST_TEMPLATES:
                _templates.clear()
            _templates[key] = template
    intent = copy(template)
    values = exchange.request.head.values
    intent.id, intent.at, intent.mono = exchange.id, exchange.at, exchange.mono
    intent.agent, intent.retry = _agent(values), _retry(values.get(b"x-stainless-retry-count"))
    intent.facts = facts
    intent.model_requested = facts.model or ""
    intent.end_user = house.identity.keyed(end_user) if end_user else ""
    intent.request_bytes = exchange.request.received
    if exchange.verdict is not NO_OBJECTION or exchange.decision is not ALLOWED:
        for name, value in judged(exchange.verdict, exchange.decision).items():
            setattr(intent, name, value)
        intent.carried = exchange.decision.carried
    if exchange.refers:
        intent.refers = exchange.refers
    if b"traceparent" in values:
        intent.trace = trace(values[b"traceparent"])
    return intent


def refusal(exchange: Exchange, house: House, refused: Refused) -> Refusal:
    """The record of an exchange that we answer ourselves, with as much as had been found out."""
    told = {**_common(exchange, house), **judged(exchange.verdict, exchange.decision), "carried": exchange.decision.carried}
    parent = trace(exchange.request.head.values.get(b"traceparent", b""))
    limit = exchange.grant.limit if refused.status == 429 else ""
    return Refusal(**told, refers=exchange.refers, trace=parent, status=refused.status, error=refused.code, limit=limit)


def _common(exchange: Exchange, house: House) -> dict[str, Any]:
    request: Request = exchange.request
    route: Route | None = exchange.route
    caller = exchange.caller
    values = request.head.values
    facts = exchange.facts
    principal = caller.principal
    end_user, facts.end_user = facts.end_user, None
    return {
        "v": RECORD_FORMAT,
        "id": exchange.id,
        "instance": "",
        "epoch": 0,
        "seq": 0,
        "at": exchange.at,
        "mono": exchange.mono,
        "principal": principal.name,
        "credential": caller.credential.kind,
        "key": caller.credential.fingerprint,
        "end_user": house.identity.keyed(end_user) if end_user else "",
        "purpose": caller.purpose,
        "attributes": principal.attributes,
        "project": principal.project or "",
        "upstream": route.upstream.name if route else "",
        "host": route.upstream.authority if route else "",
        "dialect": route.dialect.name if route else "",
        "endpoint": route.endpoint.name if route else "",
        "method": request.head.method,
        "target": route.recorded_target if route else "",
        "agent": _agent(values),
        "source": caller.source,
        "retry": _retry(values.get(b"x-stainless-retry-count")),
        "model_requested": facts.model or "",
        "facts": facts,
        "request_bytes": request.received,
        "received": "",
        "versions": _versions(house, route),
        "verdict": NO_OBJECTION.verdict,
        "decision": ALLOWED.effect,
        "content": _NO_CONTENT,
        "plan": caller.credential.plan,
        "standing": principal.standing,
        "purposes": principal.purposes,
    }


def _versions(house: House, route: Route | None) -> Versions:
    """What was in force, and what the configuration names for this upstream."""
    bundle = house.judges.bundle
    digest = bundle.digest[:_SHOWN_DIGEST]
    if route is None:
        return Versions(house.number, "", bundle.terms, digest)
    options = route.upstream.options
    return Versions(house.number, options.contract, bundle.terms, digest, options.model_licence)


def _agent(values: dict[bytes, bytes]) -> str:
    agent = values.get(b"user-agent")
    return agent[:_LONGEST_AGENT].decode("latin-1") if agent else ""


def trace(parent: bytes) -> str:
    """`<trace id>-<parent id>` of a `traceparent` (W3C Trace Context §3.2); empty for what is none."""
    found = _TRACEPARENT.fullmatch(parent)
    if found is None or found[1] == b"ff" or not found[2].strip(b"0") or not found[3].strip(b"0"):
        return ""
    return f"{found[2].decode()}-{found[3].decode()}"


def _retry(count: bytes | None) -> int:
    """How often the SDK had tried before: attempts after the first are no new volume (`x-stainless-retry-count`)."""
    return int(count) if count is not None and count.isdigit() and len(count) < 4 else 0


def outcome(exchange: Exchange, ending: Ending, at: int, mono: int) -> Outcome:
    """How an exchange ended; what its answer was is added by `with_answer`."""
    return Outcome(
        v=RECORD_FORMAT,
        id=exchange.id,
        instance="",
        epoch=0,
        seq=0,
        at=at,
        mono=mono,
        intent=_NOWHERE,
        outcome=ending.outcome,
        error=ending.error,
        facts=AnswerFacts(),
        duration_us=(mono - exchange.mono) // 1000,
    )


def with_answer(outcome: Outcome, exchange: Exchange, answer: ResponseHead, relay: Relay | Session, facts: AnswerFacts) -> Outcome:
    """Add the answer's facts and counts. Delivered are the bytes handed on, those that this outcome will release included."""
    facts = _with_usage(facts, exchange.facts)
    if exchange.facts.stored and facts.upstream_id and exchange.route.endpoint.name == "chat":
        facts.created = [f"completion:{facts.upstream_id}"]  # kept because this client asked for it, which the answer does not say
    values = answer.values
    outcome.status = answer.status
    outcome.model_returned = facts.model or ""
    outcome.upstream_request_id = (values.get(b"x-request-id") or values.get(b"request-id") or b"").decode("latin-1")[:_LONGEST_ID]
    outcome.facts = facts
    outcome.answer_bytes = relay.received
    outcome.delivered_bytes = relay.delivered
    if outcome.outcome in ("completed", "upstream_error"):
        outcome.delivered_bytes += relay.releasing
    outcome.first_byte_us = (relay.answered_ns - exchange.mono) // 1000
    return outcome


def _with_usage(facts: AnswerFacts, asked: RequestFacts) -> AnswerFacts:
    """Where the provider did not count, we estimate and say so: one token per four characters."""
    characters = facts.text_chars + facts.reasoning_chars
    if facts.usage is None and facts.error is None and characters:
        facts.usage = Usage(input=(asked.prompt_chars + asked.system_chars) // 4, output=max(1, characters // 4), estimated=True)
    return facts
