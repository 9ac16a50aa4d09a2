"""From evidence to what a collector is told; how it is sent is shown by tests/journey/test_telemetry.py."""

from __future__ import annotations

from proxy.control.telemetry import headers, spoken
from proxy.core.facts import AnswerFacts, Usage
from proxy.ledger.record import encode
from proxy.ledger.store_following import Ended
from proxy.telemetry import genai
from tests.ledgers import Writer


def test_headers_as_opentelemetry_writes_them() -> None:
    """Pairs parted by commas, values percent-encoded; what is no pair is left out."""
    assert headers("x-team=red%20one, Authorization=Basic%20a%3D%3D,nothing,=x") == {
        "x-team": "red one",
        "authorization": "Basic a==",
    }
    assert headers("") == {}


def test_an_exchange_is_told_with_its_end() -> None:
    """An estimate of ours is no usage; a failure has a name of a closed set, never the provider's text."""
    writer = Writer()
    intent = writer.intent(writer.new_id())
    outcome = writer.outcome(intent, facts=AnswerFacts(usage=Usage(input=3, output=4)), outcome="completed", duration_us=2_000_000)
    told = spoken(Ended("outcome", 200, encode(intent), encode(outcome)))
    assert told is not None
    assert (told.failed, told.tokens, told.end - told.begin) == ("", {"input": 3, "output": 4}, 2_000_000_000)
    outcome.facts = AnswerFacts(usage=Usage(input=3, output=4, estimated=True))
    outcome.outcome, outcome.error = "cut", "a long text of somebody else"
    told = spoken(Ended("outcome", 0, encode(intent), encode(outcome)))
    assert told is not None
    assert (told.failed, told.tokens) == ("cut", {})
    assert genai.STATUS not in told.attributes
    assert "somebody" not in repr(told)


def test_what_is_no_exchange_is_not_told() -> None:
    """Lines and turns are told of with their carrier; evidence of a later version is passed over."""
    assert spoken(Ended("line", 0, b"{}")) is None
    assert spoken(Ended("outcome", 200, b'{"id":7}', b"{}")) is None
