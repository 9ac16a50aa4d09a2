"""Drives a real ledger writer in tests: exchanges through the Recorder as a gateway would, awaited as ordinary tasks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from proxy.control.process import durable
from proxy.core.clock import SystemClock
from proxy.core.facts import AnswerFacts, RequestFacts, Usage
from proxy.core.ids import RecordIds
from proxy.core.snapshot import LedgerOptions
from proxy.ledger.record import Content, Intent, Outcome, Position, Versions
from proxy.ledger.recorder import Recorder
from proxy.ledger.stream import Stream

_ids = RecordIds()
_clock = SystemClock()
_NOWHERE = {"instance": "", "epoch": 0, "seq": 0}


def open_recorder(data_dir: Path, worker: int = 0, **options: Any) -> Recorder:
    """A writer on this loop, its epoch begun."""
    return Recorder.open(data_dir, worker, LedgerOptions(**options), _clock, asyncio.get_running_loop())


def new_intent(record_id: str, **changes: Any) -> Intent:
    """An intent that the stream completes."""
    fields: dict[str, Any] = {
        "principal": "chat",
        "credential": "bearer",
        "purpose": "use.product",
        "upstream": "openai",
        "host": "api.openai.com",
        "dialect": "openai",
        "endpoint": "chat",
        "method": "POST",
        "target": "/v1/chat/completions",
        "model_requested": "gpt-5",
        "facts": RequestFacts(model="gpt-5", messages=1),
        "request_bytes": 0,
        "received": "",
        "versions": Versions(),
        "verdict": "allow",
        "decision": "allow",
        "content": Content("", ""),
    }
    return Intent(v=1, id=record_id, at=_clock.utc_us(), mono=_clock.monotonic_ns(), **_NOWHERE, **(fields | changes))


def new_outcome(record_id: str, **changes: Any) -> Outcome:
    """An outcome that the stream completes."""
    fields: dict[str, Any] = {"outcome": "completed", "status": 200, "facts": AnswerFacts(usage=Usage(input=1, output=2))}
    place = Position("", 0, 0)
    return Outcome(
        v=1, id=record_id, at=_clock.utc_us(), mono=_clock.monotonic_ns(), intent=place, **_NOWHERE, **(fields | changes)
    )


async def begin(
    recorder: Recorder, request: bytes, *, content: str = "full", pieces: tuple[bytes, ...] = (), **changes: Any
) -> Stream:
    """An exchange whose intent is durable; `pieces` arrive ahead of `request`."""
    record_id = _ids.next(_clock.utc_us())
    intent = new_intent(record_id, **changes)
    stream = recorder.stream(record_id, intent.principal, content)
    for piece in pieces:
        await durable(stream.request_piece(piece))
    await durable(stream.intent(intent, request))
    return stream


async def end(stream: Stream, *answer: bytes, **changes: Any) -> str:
    """Note what is left of the answer and make the outcome durable; gives the record's id."""
    for piece in answer:
        stream.answer(piece)
    await durable(stream.outcome(new_outcome(stream.id, **changes)))
    return stream.id


async def exchange(recorder: Recorder, request: bytes = b"ask", answer: bytes = b"say", **changes: Any) -> str:
    """A whole exchange; gives the record's id."""
    return await end(await begin(recorder, request, **changes), answer)
