"""When two bodies ask the same."""

import json

from proxy.core.exchange import Exchange
from proxy.core.facts import RequestFacts
from proxy.gateway.prompts import digest
from proxy.gateway.receive import Body

KEY = b"k" * 16


def of(body: bytes, **facts: int) -> int:
    """The digest of a body's prompt."""
    exchange = Exchange("r", 0, 0, None)
    exchange.body, exchange.facts = Body(body, spooled=False), RequestFacts(**facts)
    return digest(exchange, KEY)


def test_how_it_is_asked_makes_no_difference() -> None:
    """What is asked does, in every dialect, and so does the key."""
    for said in ({"messages": [{"role": "user", "content": "?"}]}, {"prompt": "?"}, {"contents": [{"parts": [{"text": "?"}]}]}):
        first = of(json.dumps(said | {"seed": 1}).encode())
        assert first == of(json.dumps(said | {"seed": 2, "temperature": 1}).encode()) != 0
        assert first != of(json.dumps(said).replace("?", "!").encode())


def test_what_is_not_json_is_asked_as_it_is() -> None:
    """Bytes that cannot be read, or that name no prompt, differ where they differ; several prompts have no one digest."""
    assert of(b"\xff1") == of(b"\xff1") != of(b"\xff2")
    assert of(b"[1]") != of(b"[2]")
    assert of(b'{"a":1}') != of(b'{"a":2}')
    assert of(b"") == of(b'{"prompt":["a","b"]}', prompts=2) == of(b"{}", lines=3) == 0
