"""Clients without an SDK, against the scripted upstream."""

from __future__ import annotations

import pytest

from proxy.demo.players.clients import Clients, UnansweredError
from proxy.demo.players.raw import RawHttp, RawOpenAI, RawSession
from proxy.demo.players.sdk import RAW, kit
from proxy.demo.scripted.seen import Seen
from proxy.demo.upstream import UpstreamProcess

QUESTIONS = ("one", "two", "three")


def seen_by(upstream: UpstreamProcess) -> list[tuple[str, str]]:
    """Method and path of all requests; all of them were well formed."""
    seen: list[Seen] = upstream.seen()
    assert not [one.malformed for one in seen if one.malformed]
    return [(one.method.decode(), one.target.decode().partition("?")[0]) for one in seen]


def test_every_call_is_understood(scripted_upstream: UpstreamProcess) -> None:
    """Questions, streams, responses, batches to their results, in all dialects; each status is told."""
    clients = Clients(kit(), scripted_upstream.url, "sk-x")
    clients.openai.chat("hello", model="gpt-5", stream=True)
    clients.openai.chat("no [[script: status=429]]", model="gpt-5")
    assert clients.openai.respond("and", after=clients.openai.respond("first")).startswith("resp_")
    clients.openai.batch(QUESTIONS)
    clients.anthropic.message("hello", stream=True)
    clients.anthropic.batch(QUESTIONS)
    clients.gemini.generate("hello", stream=True)
    clients.gemini.batch(QUESTIONS)
    asked = seen_by(scripted_upstream)
    assert len(clients.statuses) == len(asked)
    assert [status for status in clients.statuses if status != 200] == [429]
    assert asked[7][1].startswith("/openai/v1/files/")
    assert asked[11][1].endswith("/results")
    assert set(kit().named) == {RAW}


def test_a_session_is_heard_to_its_end(scripted_upstream: UpstreamProcess) -> None:
    """Each turn has its answer, and the session is closed in order."""
    told: list[int] = []
    RawOpenAI(f"{scripted_upstream.url}/v1", "sk-x", told.append).talk(["hello", "and a long one [[script: words=300]]"])
    (seen,) = scripted_upstream.seen()
    assert (told, seen.status, seen.malformed) == ([101], 101, "")
    assert b"response.create" not in seen.said  # a client's frames are masked


@pytest.mark.parametrize(
    ("path", "complaint"), [("/v1/realtime?model=scripted-404", "with 404"), ("/v1/realtime?model=gpt-realtime", "cut")]
)
def test_a_session_that_ends_too_soon_is_no_success(scripted_upstream: UpstreamProcess, path: str, complaint: str) -> None:
    """A refused handshake and a cut are told."""
    http = RawHttp(scripted_upstream.url, {}, lambda _status: None)
    with pytest.raises(UnansweredError, match=complaint):  # noqa: PT012 - opening it is part of what may fail
        session = RawSession(http, path)
        session.say({"type": "response.create", "response": {"instructions": "[[script: fault=close]]"}})
        try:
            session.hear("response.done")
        finally:
            session.close()


def test_what_is_never_done_is_given_up(scripted_upstream: UpstreamProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many polls, with a sentence."""
    monkeypatch.setattr("proxy.demo.players.raw.BETWEEN_POLLS_SECONDS", 0)
    http = RawHttp(scripted_upstream.url, {}, lambda _status: None)
    with pytest.raises(UnansweredError, match="not done after 50 polls"):
        http.until("/v1/models", lambda _found: False)
