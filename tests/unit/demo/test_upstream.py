"""The scripted upstream as a server: what it remembers, how attempts are counted, where it runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from proxy.demo.upstream import ScriptedUpstream, upstream_process, upstream_thread
from tests.unit.demo.raw import CHAT, chat, converse, unchunked
from tests.waiting import PATIENCE


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    """A scripted upstream in the test's loop."""
    async with ScriptedUpstream(repeatable=True) as one:
        yield one


def post(path: str, body: dict[str, Any]) -> bytes:
    """A POST request as bytes."""
    content = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nhost: h\r\ncontent-length: {len(content)}\r\n\r\n".encode() + content


def body_of(received: bytes) -> bytes:
    """The content of one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    return unchunked(body) if b"transfer-encoding: chunked" in head else body


ENDPOINTS = [
    (CHAT, {"stream": True}, b"data: [DONE]\n\n"),
    ("/api/chat", {}, b"}\n"),
    ("/api/generate", {"stream": False}, b"}"),
    ("/api/embed", {"input": ["a"]}, b"}"),
    ("/v2/chat", {"stream": True}, b"data: [DONE]\n\n"),
    ("/v2/chat", {}, b"}}}"),
    ("/v2/embed", {"texts": ["a"]}, b"}}}"),
    ("/v1/rerank", {"query": "a", "documents": ["b"]}, b"}}"),
    ("/score", {"text_1": "a", "text_2": ["b"]}, b"}}"),
    ("/pooling", {"input": "a"}, b"}}"),
    ("/tokenize", {"prompt": "a"}, b"}"),
    ("/detokenize", {"tokens": [1]}, b"}"),
    ("/openai/deployments/x/chat/completions?api-version=1", {}, b'"audio_tokens":0}}}'),
    ("/v1/completions", {"prompt": ["a", "b"]}, b'"audio_tokens":0}}}'),
    ("/v1/responses", {"input": "a"}, b'"user":null}'),
    ("/v1/responses", {"input": "a", "stream": True}, b'"user":null}}\n\n'),
    ("/v1/embeddings", {"input": ["a"]}, b"}}"),
    ("/v1/moderations", {"input": "a"}, b"}]}"),
    ("/v1/images/generations", {"prompt": "a"}, b"}]}"),
    ("/v1/messages", {}, b'"service_tier":"standard"}}'),
    ("/v1/messages", {"stream": True}, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
    ("/anthropic/v1/messages/count_tokens", {}, b"}"),
    ("/v1beta/models/g:generateContent", {}, b'"}'),
    ("/v1/models/g:streamGenerateContent?alt=sse", {}, b"\r\n\r\n"),
    ("/v1beta/models/g:streamGenerateContent", {}, b"\n]\n"),
    ("/v1beta/models/g:countTokens", {}, b"}]}"),
    ("/v1beta/models/g:embedContent", {}, b"]}}"),
    ("/v1beta/models/g:batchEmbedContents", {"requests": [{}]}, b"]}]}"),
]


@pytest.mark.parametrize(("path", "fields", "end"), ENDPOINTS)
async def test_every_endpoint_answers(upstream: ScriptedUpstream, path: str, fields: dict[str, Any], end: bytes) -> None:
    """Each endpoint of the three dialects answers whole, ended as its provider ends it."""
    received, _ = await converse(upstream, post(path, {"model": "m", **fields}))
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body_of(received).endswith(end)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", b'"object":"list"'),
        ("anthropic-version: 2023-06-01\r\n", b'"has_more":false'),
        ("x-goog-api-key: k\r\n", b'"models":['),
    ],
)
async def test_models_follow_the_headers(upstream: ScriptedUpstream, head: str, expected: bytes) -> None:
    """`/v1/models`, which three providers have, is answered in the dialect that the headers tell."""
    received, _ = await converse(upstream, f"GET /v1/models HTTP/1.1\r\nhost: h\r\n{head}\r\n".encode())
    assert expected in received


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (CHAT, b'"code":"rate_limit_exceeded"'),
        ("/v1/messages", b'"type":"rate_limit_error"'),
        ("/v1/models/g:generateContent", b'"RESOURCE_EXHAUSTED"'),
    ],
)
async def test_errors_have_the_providers_shape(upstream: ScriptedUpstream, path: str, expected: bytes) -> None:
    """A status from 400 gets the provider's own error body and the scripted headers."""
    received, _ = await converse(upstream, chat("status=429 retry_after=3 should_retry=false", path=path))
    assert received.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 3\r\n" in received
    assert b"\r\nx-should-retry: false\r\n" in received
    assert expected in received


async def test_attempts_are_counted_per_request(upstream: ScriptedUpstream) -> None:
    """`times=2` fails twice and then succeeds, for each request by itself, and begins anew after that."""
    one, other = (chat("status=503 times=2", user=user) for user in "ab")
    statuses = [(await converse(upstream, request))[0][9:12] for request in (one, one, other, one, one)]
    assert statuses == [b"503", b"503", b"503", b"200", b"503"]


async def test_everything_is_remembered(upstream: ScriptedUpstream) -> None:
    """Pipelined requests share a connection, are answered in order, and are kept with their digests."""
    first, second = chat("words=3"), post("/v1/messages", {"model": "m"})
    received, _ = await converse(upstream, first + second)
    assert received.index(b"chat.completion") < received.index(b'"type":"message"')
    seen = await upstream.wait_seen(2)
    assert [(one.number, one.connection, one.target) for one in seen] == [(1, 1, CHAT.encode()), (2, 1, b"/v1/messages")]
    assert seen[1].sha256 == hashlib.sha256(second.partition(b"\r\n\r\n")[2]).hexdigest()
    assert upstream.connections == 1


async def test_answer_may_come_before_the_body(upstream: ScriptedUpstream) -> None:
    """An early answer does not wait for the body, which is read and remembered all the same."""
    reader, writer = await asyncio.open_connection(upstream.host, upstream.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nx-script: early\r\ncontent-length: 4\r\n\r\nab")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert not upstream.seen[0].completed
    writer.write(b"cd")
    while not upstream.seen[0].completed:  # noqa: ASYNC110 - the upstream has no event for it
        await asyncio.sleep(0.005)
    assert upstream.seen[0].body == b"abcd"
    writer.transport.abort()


async def test_unfinished_requests_are_remembered(upstream: ScriptedUpstream) -> None:
    """A client that leaves in the middle of its body leaves an incomplete request behind."""
    await converse(upstream, b"POST /v1/messages HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nabc", patience=0.05)
    (seen,) = await upstream.wait_seen(1)
    assert (seen.body, seen.completed, seen.answer) == (b"abc", False, "client_gone")


async def test_expectation_is_met(upstream: ScriptedUpstream) -> None:
    """`Expect: 100-continue` gets its interim answer before the body is there."""
    head = b"POST /v1/messages HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    received, _ = await converse(upstream, head, patience=0.1)
    assert received == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("request_bytes", [chat("bogus=1"), post(CHAT, {"model": "m", "n": "many"}), b"no request\r\n\r\n"])
async def test_nonsense_gets_400(upstream: ScriptedUpstream, request_bytes: bytes) -> None:
    """Unreadable scripts, bodies and requests are answered with 400."""
    received, _ = await converse(upstream, request_bytes)
    assert received.startswith(b"HTTP/1.1 400 ")


async def test_repeatable_answers_are_equal(upstream: ScriptedUpstream) -> None:
    """With `repeatable` the same request gets the same bytes; without it ids differ."""
    first, second = [(await converse(upstream, chat("words=4"), patience=0.1))[0] for _ in range(2)]
    assert first == second
    async with ScriptedUpstream() as other:
        first, second = [(await converse(other, chat("words=4"), patience=0.1))[0] for _ in range(2)]
        assert first != second


def test_thread_serves() -> None:
    """In a thread it serves blocking callers, who read what it saw directly."""
    with upstream_thread() as upstream, urllib.request.urlopen(upstream.url + "/v1/models", timeout=PATIENCE) as answer:
        assert json.load(answer)["object"] == "list"
        assert upstream.seen[0].target == b"/v1/models"


def test_process_serves_and_tells() -> None:
    """In a process it tells what it saw over the wire, bytes and all, and forgets when told to."""
    with upstream_process("--repeatable") as upstream:
        body = json.dumps({"model": "m"}).encode() + b" "
        urllib.request.urlopen(upstream.url + "/v1/messages", data=body, timeout=PATIENCE).close()
        (seen,) = upstream.seen()
        assert (seen.method, seen.body, seen.sha256) == (b"POST", body, hashlib.sha256(body).hexdigest())
        upstream.clear()
        assert upstream.seen() == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate and its key in one file."""
    certificate = tmp_path / "certificate.pem"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*made, "-keyout", certificate, "-out", tmp_path / "public.pem"], check=True, capture_output=True)
    certificate.write_bytes(certificate.read_bytes() + (tmp_path / "public.pem").read_bytes())
    return certificate


async def test_tls(certificate: Path) -> None:
    """With a certificate it speaks TLS, resets included."""
    trusting = ssl.create_default_context(cafile=str(certificate))
    trusting.check_hostname = False
    async with ScriptedUpstream(certificate=certificate) as upstream:
        for script in ("then=close", "fault=reset after_bytes=9"):
            reader, writer = await asyncio.open_connection(upstream.host, upstream.port, ssl=trusting)
            writer.write(chat(script))
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            with suppress(ConnectionError):
                await reader.read()
            writer.transport.abort()
        assert [seen.answer for seen in upstream.seen] == ["completed", "cut"]
