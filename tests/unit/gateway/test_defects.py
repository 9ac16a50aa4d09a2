"""Defects of ours, planted at every place of the corridor: the client is broken off, the figures stay true, a record is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proxy.gateway import corridor, evidence
from proxy.gateway.relay import Relay
from tests.unit.gateway.stage import Stage, post, whole

STARTED = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"


def broken(*_args: Any, **_kwargs: Any) -> Any:
    """A step with a defect."""
    raise ZeroDivisionError


def check(stage: Stage) -> None:
    """One exchange, one fault; nothing is open, and the figures agree with each other and with the ledger."""
    (fault,) = stage.faults
    assert isinstance(fault, ZeroDivisionError)
    stage.faults.clear()
    stage.check_figures()
    stats = stage.corridor.stats
    assert (stats.admitted, stats.faults, stats.open) == (1, 1, 0)
    assert not stage.corridor.relays
    assert len(stage.entries("intent")) == len(stage.entries("outcome")) == stats.forwarded
    assert len(stage.entries("refusal")) == stats.refused


@pytest.mark.parametrize("step", ["terms", "policy", "limit"])
def test_before_the_intent(step: str) -> None:
    """Nothing is sent, and what came is recorded as refused; its client gets no answer of ours."""
    stage = Stage()
    setattr(stage.steps, step, broken)
    client = stage.client(post())
    assert (client.aborted, bytes(client.taken), stage.sent) == (True, b"", b"")
    assert (stage.refusal.status, stage.refusal.error) == (500, "defect")
    check(stage)


PLACES: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "asking": lambda patch: patch.setattr("proxy.gateway.ask.request_head", broken),
    "choosing a reader": lambda patch: patch.setattr(corridor, "_reader", broken),
    "starting": lambda patch: patch.setattr(Relay, "start", broken),
    "reading": lambda patch: patch.setattr(Relay, "facts", broken),
    "describing": lambda patch: patch.setattr(evidence, "with_answer", broken),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_after_the_intent(place: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The upstream is let go of, and the outcome says that we cut the exchange."""
    stage = Stage()
    place(monkeypatch)
    client = stage.client(post())
    if not stage.upstream.closing:
        stage.upstream.feed(STARTED)
    if not stage.upstream.closing:
        stage.upstream.feed(b"world")
    stage.loop.run()
    assert client.aborted
    assert not client.taken.endswith(b"world")
    assert (stage.outcome.outcome, stage.outcome.error) == ("cut", "defect")
    assert stage.upstream.closing or stage.callee.pool.idle() is not None
    check(stage)


def test_when_all_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect behind the outcome adds no second one."""
    stage = Stage()
    monkeypatch.setattr(Relay, "release", broken)
    client = stage.client(post())
    stage.upstream.feed(whole())
    assert client.aborted
    assert stage.outcome.outcome == "completed"
    check(stage)


def test_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The upstream connection of an answer that had come whole is not broken: it may be another exchange's by then."""
    stage = Stage()
    with monkeypatch.context() as patch:
        patch.setattr(Relay, "facts", broken)
        stage.client(post())
        stage.upstream.feed(whole())
    assert not stage.upstream.closing
    other = stage.client(post())
    stage.upstream.feed(whole())
    assert other.taken.startswith(b"HTTP/1.1 200 ")
    assert len(stage.callee.transports) == 1
