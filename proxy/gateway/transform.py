"""What rules change in a request before it goes upstream: members of a JSON body that are left out or set.

Only a JSON body that is at hand can be changed. Anything else that a rule would change is denied: forms and files, encoded bodies,
what nobody could read, lines of a carrier, sessions, and bodies beyond `MOST`.
"""

from __future__ import annotations

import msgspec

from proxy.core.decision import Decision
from proxy.core.exchange import Exchange
from proxy.dialects.edits import EditError, edited
from proxy.gateway.receive import Body
from proxy.gateway.routes import Route
from proxy.wire.request import Request

_DIGESTS = (b"content-digest", b"repr-digest", b"digest", b"content-md5", b"x-amz-content-sha256")
MOST = 4 * 1024 * 1024
"""Bytes of a body that are changed: it stands in memory, and in the intent's content a second time."""


def transform(exchange: Exchange) -> None:
    """Make of the body what the decision asks for; `body.sent` stays None where that is no change. Where it cannot be made, the
    decision becomes a denial that says why.
    """
    decision = exchange.decision
    body: Body = exchange.body
    if not exchange.request.received and not exchange.route.upgrades:  # nothing is said that could be changed
        return
    why = _obstacle(exchange, body)
    if why:
        exchange.decision = untransformable(decision, why)
        return
    changed = body.whole
    try:
        for change in decision.transforms:
            changed = edited(changed, change.drop, change.set)
    except EditError as error:
        exchange.decision = untransformable(decision, f"this body: {error}")
        return
    if changed is not body.whole:
        body.sent = changed


def untransformable(decision: Decision, what: str) -> Decision:
    """The decision about what cannot be changed: a denial where it asks for a change, else as it is."""
    if not decision.transforms or decision.effect == "deny":
        return decision
    names = ", ".join(change.rule for change in decision.transforms)
    message = f"A rule changes calls like this one, and cannot change {what}, so it is denied (rule {names})."
    return msgspec.structs.replace(decision, effect="deny", message=message, transforms=())


def _obstacle(exchange: Exchange, body: Body) -> str:
    """Why this request cannot be changed; empty when it can."""
    route: Route = exchange.route
    request: Request = exchange.request
    endpoint = route.endpoint
    if route.upgrades:
        return "a session"
    if endpoint.carries or endpoint.form_body or not endpoint.json_body or not body.whole:
        return "a body that is not read as JSON"
    if request.head.values.get(b"content-encoding", b"identity").lower() != b"identity":
        return "an encoded body"
    if any(name in request.head.values for name in _DIGESTS):
        return "a body whose digest is in the request's head"
    if exchange.facts.inspection == "none":
        return "a body that could not be read"
    return "so long a body" if len(body.whole) > MOST else ""
