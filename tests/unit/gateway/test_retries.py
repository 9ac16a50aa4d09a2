"""What an SDK asks again counts once."""

from __future__ import annotations

import pytest

from proxy.core.buckets import Reservation
from proxy.core.decision import Grant
from tests.unit.gateway.stage import CHAT, KEYED, post
from tests.unit.gateway.test_judges import THROTTLE, Bench, judged

PATH = b"/openai/v1/chat/completions"
TYPED = (*KEYED, b"Content-Type: application/json")
AGAIN = (*TYPED, b"x-stainless-retry-count: 1")


def counts(bench: Bench) -> list[str]:
    """Of what each call took some."""
    return [",".join(told[1] for told in one[1]) for one in bench.counted if one[0] == "reserve"]


def test_whoever_hung_up_may_ask_again() -> None:
    """As often as SDKs do, with the same bytes: its tokens count each time, it counts once."""
    bench = Bench(THROTTLE, Grant(held=Reservation([], [])))
    stage = judged(bench)
    stage.client(post()).lose(ConnectionResetError())
    for _ in range(3):
        stage.client(post(PATH, CHAT, *AGAIN)).lose(ConnectionResetError())
    assert counts(bench) == ["requests,tokens", "tokens", "tokens", "requests,tokens"]


@pytest.mark.parametrize("what", ["nothing was hung up on", "no retry", "another prompt", "another key", "it was answered"])
def test_nothing_else_is_believed(what: str) -> None:
    """A header alone saves its sender nothing."""
    bench = Bench(THROTTLE, Grant(held=Reservation([], [])))
    stage = judged(bench)
    first = stage.client(post())
    if what == "it was answered":
        stage.upstream.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    if what != "nothing was hung up on":
        first.lose(ConnectionResetError())
    fields = TYPED if what == "no retry" else AGAIN
    if what == "another key":
        fields = (b"Authorization: Bearer another", *AGAIN[1:])
    stage.client(post(PATH, CHAT.replace(b"hello", b"hi") if what == "another prompt" else CHAT, *fields))
    assert counts(bench) == ["requests,tokens"] * 2
