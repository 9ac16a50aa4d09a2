"""Real SDKs on WebSockets: the same through the proxy as without it, over TLS on both sides, and a record for each turn."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.demo.scripted.seen import Seen
from proxy.demo.upstream import ScriptedUpstream, upstream_thread
from proxy.ledger.record import Intent, Outcome, Turn
from tests.journey.comparison import PATIENCE, Line
from tests.journey.test_real_clients import command_of
from tests.ledger_oracle import written
from tests.proxy_server import ProxyServer
from tests.proxy_server import proxy_server as running
from tests.unit.wire.loopback import Authority

LONGEST = 240
ROOTS = {"openai": "/v1", "gemini": ""}
PROGRAMS = (
    ("openai", "openai_realtime_python.py", "python-older"),
    ("openai", "openai_realtime_python.py", "python-newer"),
    ("gemini", "gemini_live_python.py", "python-older"),
    ("gemini", "gemini_live_python.py", "python-newer"),
    ("openai", "openai_realtime_node.mjs", "node"),
)
_NOT_COMPARED = frozenset(
    [b"host", b"sec-websocket-key", b"sec-websocket-extensions", b"connection", b"upgrade", b"x-stainless-retry-count"]
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who everybody here trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def straight(authority: Authority) -> Iterator[ScriptedUpstream]:
    """What is asked without a proxy."""
    with upstream_thread(certificate=authority.issue("127.0.0.1"), repeatable=True) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def proxied(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyServer]:
    """A proxy that speaks TLS to its clients and to its upstream."""
    certificate = authority.issue("127.0.0.1", "localhost")
    with upstream_thread(certificate=certificate, repeatable=True) as upstream:
        tls = {"gateway": {"tls": {"certificate": str(certificate), "key": str(certificate)}}}
        folder = tmp_path_factory.mktemp("realtime")
        with running(folder, upstream, configuration=tls, environ=authority.environ) as server:
            yield server


def play(program: str, environment: str, authority: Authority, *bases: str) -> list[list[Line]]:
    """Run a client program against each base URL; the lines of each run."""
    environ = {**os.environ, **authority.environ, "NODE_EXTRA_CA_CERTS": str(authority.path)}
    command = [*command_of(program, environment), *bases]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False, env=environ)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [[line for line in lines if line["run"] == run] for run in range(len(bases))]


def handshake_of(seen: Seen) -> tuple[Any, ...]:
    """What an upstream saw of a session's opening, but for what differs by its nature."""
    fields = sorted((name.lower(), value) for name, value in seen.headers if name.lower() not in _NOT_COMPARED)
    return seen.target, fields, seen.malformed


def _by_response(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The events of each response."""
    ids = [event["response"]["id"] for event in events if event["type"] == "response.done"]
    return [[event for event in events if event.get("response_id") == name] for name in ids]


def _told(events: list[dict[str, Any]]) -> tuple[int, int]:
    """Characters and bytes of speech that a client was told."""
    texts = [
        event["delta"]
        for event in events
        if event["type"] in ("response.output_text.delta", "response.output_audio_transcript.delta")
    ]
    sounds = [event["delta"] for event in events if event["type"] == "response.output_audio.delta"]
    return sum(map(len, texts)), sum(len(base64.b64decode(sound)) for sound in sounds)


@pytest.mark.parametrize(("provider", "program", "environment"), PROGRAMS, ids=lambda value: value.split(".")[0])
def test_client_sees_the_same(
    straight: ScriptedUpstream, proxied: ProxyServer, authority: Authority, provider: str, program: str, environment: str
) -> None:
    """Every scenario gives the same events, errors and close codes, from the same handshakes and as many bytes upstream."""
    straight.clear()
    before = len(proxied.upstream.seen)
    gateway = proxied.gateway_url.replace("http:", "https:")
    direct, through = play(
        program, environment, authority, straight.url + ROOTS[provider], f"{gateway}/{provider}{ROOTS[provider]}"
    )
    for line, other in zip(direct, through, strict=True):
        assert (line["scenario"], line["result"]) == (other["scenario"], other["result"])
        assert other["seconds"] < line["seconds"] + PATIENCE, line["scenario"]
    seen, seen_through = straight.seen, proxied.upstream.seen[before:]
    assert Counter(map(str, map(handshake_of, seen))) == Counter(map(str, map(handshake_of, seen_through)))
    assert all(not any(name.lower().startswith(b"x-tos-") for name, _ in one.headers) for one in seen_through)
    assert len(seen_through) > 5


def test_each_turn_has_its_record(proxied: ProxyServer, authority: Authority) -> None:
    """Three turns of one session and their usage, as the client saw it; each session has ended as its client saw it end."""
    gateway = proxied.gateway_url.replace("http:", "https:")
    (lines,) = play("openai_realtime_python.py", "python-newer", authority, f"{gateway}/openai/v1")
    results = {line["scenario"]: line["result"] for line in lines}

    def turns_of(scenario: str) -> list[Turn]:
        """Of the newest session that answered as many, with as much text and speech; ids repeat from session to session."""
        entries = [entry for entry, _ in written(proxied.data_dir / "spool").entries]
        sessions: dict[str, list[Turn]] = {}
        for entry in entries:
            if isinstance(entry, Turn) and entry.outcome:
                sessions.setdefault(entry.carrier, []).append(entry)
        wanted = [_told(events) for events in _by_response(results[scenario]["events"])]
        alike = [
            turns for turns in sessions.values() if [(one.answer.text_chars, one.answer.audio_bytes) for one in turns] == wanted
        ]
        if not alike:
            return []
        carrier = alike[-1][0].carrier
        ends = [entry.outcome for entry in entries if isinstance(entry, Outcome) and entry.id == carrier]
        if not ends:  # its last turn is over, the session not yet
            return []
        assert ends == ["completed"]
        assert [entry.model_requested for entry in entries if type(entry) is Intent and entry.id == carrier] == ["gpt-realtime"]
        return alike[-1]

    proxied.until(lambda: turns_of("three turns") and turns_of("audio"))
    turns = turns_of("three turns")
    done = [event["response"] for event in results["three turns"]["events"] if event["type"] == "response.done"]
    assert [(turn.number, turn.outcome) for turn in turns] == [(1, "completed"), (2, "completed"), (3, "completed")]
    usages = [(turn.answer.usage.input, turn.answer.usage.output) for turn in turns if turn.answer.usage]
    assert usages == [(one["usage"]["input_tokens"], one["usage"]["output_tokens"]) for one in done]
    assert [turn.facts.messages for turn in turns] == [1, 1, 1]
    assert [turn.answer.audio_bytes > 1000 for turn in turns_of("audio")] == [True]


def test_the_admin_api_counts_and_pages_turns(proxied: ProxyServer, authority: Authority) -> None:
    """A session says how many turns it had; they come in order, page by page."""
    gateway = proxied.gateway_url.replace("http:", "https:")
    play("gemini_live_python.py", "python-newer", authority, f"{gateway}/gemini")
    proxied.wait_admin()

    def session() -> dict[str, Any] | None:
        items = proxied.api("/exchanges?endpoint=live&outcome=completed&limit=100")["items"]
        found = [proxied.api(f"/exchanges/{item['id']}") for item in items]
        return next((one for one in found if one["turns"] == 3), None)

    proxied.until(session)
    record = session()
    assert record is not None
    assert record["commitments_open"] is True
    first = proxied.api(f"/exchanges/{record['id']}/turns?limit=2")
    second = proxied.api(f"/exchanges/{record['id']}/turns?limit=2&cursor={first['next_cursor']}")
    assert [turn["number"] for turn in first["items"] + second["items"]] == [1, 2, 3]
    assert second["next_cursor"] is None
    assert all(turn["outcome"] == "completed" and turn["usage"]["output"] for turn in first["items"])


def test_secrets_are_in_no_record(proxied: ProxyServer) -> None:
    """Neither in evidence nor in a diagnostic."""
    (proxied.folder / "stderr").touch()
    evidence = b"".join(path.read_bytes() for path in (proxied.data_dir / "spool").rglob("*.seg"))
    for secret in (b"sk-journey-realtime", b"journey-live-key"):
        assert secret not in evidence
        assert secret.decode() not in proxied.stderr + proxied.stdout
    assert Path(proxied.data_dir).exists()
