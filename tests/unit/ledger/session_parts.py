"""A session in the ledger, for the tests of what writes and what recovers it."""

from __future__ import annotations

from proxy.core.facts import AnswerFacts, RequestFacts
from proxy.ledger.record import RECORD_FORMAT, Intent, Turn
from proxy.ledger.recorder import Recorder
from proxy.ledger.session_stream import SessionStream
from tests.torture.ledger_load import clock, filled, ids
from tests.unit.ledger.ledger_parts import begin


async def opened(recorder: Recorder, content: str = "full") -> tuple[SessionStream, Intent]:
    """A session whose intent is durable."""
    _, asked = begin(recorder)
    stream = recorder.session(asked.id, "product-chat", content)
    await filled(stream.intent(asked, b""))
    return stream, asked


def turn(carrier: str, number: int = 1, name: str = "", **fields: str) -> Turn:
    """A turn's entry."""
    at = clock.utc_us()
    return Turn(
        v=RECORD_FORMAT,
        id=name or ids.next(at),
        instance="",
        epoch=0,
        seq=0,
        at=at,
        mono=0,
        carrier=carrier,
        number=number,
        principal="product-chat",
        purpose="use.product",
        upstream="openai",
        dialect="openai",
        endpoint="realtime",
        facts=RequestFacts(messages=1),
        answer=AnswerFacts(),
        **fields,
    )
