"""A request is judged as the gateway would, with nobody at either end."""

from __future__ import annotations

import json

import pytest

from proxy.app.rehearsing import RefusedError, Rehearsal, rehearsed
from proxy.core import snapshot
from proxy.core.principal import UNDECLARED
from proxy.core.rules import Rule
from proxy.core.snapshot import GatewayOptions, UpstreamOptions

ENTRIES = [
    snapshot.put("gateway", "options", GatewayOptions()),
    snapshot.put("upstream", "openai", UpstreamOptions("openai", "openai", "https://api.openai.com")),
    snapshot.put("upstream", "anthropic", UpstreamOptions("anthropic", "anthropic", "https://api.anthropic.com")),
    snapshot.put("rule", "no", Rule("no", "deny", match={"model": ("claude-x",)})),
]
LINES = [{"custom_id": f"{at}", "params": {"model": model, "messages": []}} for at, model in enumerate(("claude-y", "claude-x"))]


def asked(target: str, body: object, *fields: str) -> Rehearsal:
    """The rehearsal of a POST of JSON."""
    lines = [f"POST {target} HTTP/1.1", "host: h", "content-type: application/json", *fields]
    text = json.dumps(body).encode()
    head = "\r\n".join([*lines, f"content-length: {len(text)}", "", ""]).encode()
    return rehearsed(head, text, ENTRIES, None, 86_400_000_000, lambda caller: caller)


def test_a_call_has_the_facts_of_its_dialect() -> None:
    """What is judged is what the dialect reads in the body, at the given time."""
    told = asked("/openai/v1/chat/completions", {"model": "m", "n": 3, "messages": [{"role": "user", "content": "abc"}]})
    call = told.call
    assert (call.endpoint, call.facts.model, call.facts.n, call.facts.prompt_chars) == ("chat", "m", 3, 3)
    assert (call.at, call.purpose, call.host) == (86_400_000_000, UNDECLARED, "api.openai.com")
    assert told.strictest is None


def test_queries_in_a_body_are_judged() -> None:
    """Each query that a body carries is judged; the strictest is named."""
    told = asked("/anthropic/v1/messages/batches", {"requests": LINES})
    assert [effect for effect, _ in told.carried] == ["allow", "deny"]
    assert told.strictest is not None
    assert (told.strictest.facts.model, told.strictest.endpoint) == ("claude-x", "batch_line")
    assert (told.call.endpoint, told.call.facts.lines) == ("batch_create", 2)


@pytest.mark.parametrize(
    ("target", "fields", "told"),
    [
        ("/nowhere/v1/x", (), "404 unknown_upstream"),
        ("/openai/v1/chat/completions", ("x-api-key: a", "authorization: Bearer b"), "400 two_credentials"),
        ("/openai/v1/chat/completions", ("x-tos-purpose: eval.private",), "403 purpose_not_allowed"),
        ("/openai/v1/chat/completions", ("bad field",), "400: "),
    ],
)
def test_what_is_refused_before(target: str, fields: tuple[str, ...], told: str) -> None:
    """What the gateway would refuse before anybody judges is told in its words."""
    with pytest.raises(RefusedError, match=told):
        asked(target, {}, *fields)
