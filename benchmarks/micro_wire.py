"""What the parts of the wire cost: heads, chunks, content codings, and a new connection to an upstream.

    python benchmarks/micro_wire.py

Prints µs per call, best of several rounds, and for what works through received bytes the longest slice: the time in which one read
of the socket (256 KiB) holds the loop, for ordinary bodies and for the worst that a client could send.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # the package ships no types
import uvloop
import zstandard

from proxy.wire.certificate import self_signed
from proxy.wire.chunked import ChunkedDecoder, chunk
from proxy.wire.coding import Decoder, accepted
from proxy.wire.connect import connect
from proxy.wire.head import parse_request_head, parse_response_head
from proxy.wire.origin import Origin
from proxy.wire.tls import client_context, server_context

READ = 256 * 1024
"""What uvloop takes from a socket at most at once."""
ROUNDS = 7
REQUEST = (
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: application/json\r\n"
    b"Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
    b"User-Agent: OpenAI/Python 2.9.0\r\nX-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.9.0\r\n"
    b"X-Stainless-OS: Linux\r\n"
    b"X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.11.7\r\n"
    b"Authorization: Bearer sk-abcdefghijklmnop\r\nX-Stainless-Async: false\r\nx-stainless-retry-count: 0\r\n"
    b"x-stainless-read-timeout: 600\r\nContent-Length: 1024\r\n\r\n"
)
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 03:02:35 GMT\r\nContent-Type: application/json\r\nContent-Length: 679\r\n"
    b"x-request-id: req_9f79096db4b41842c9e1f62063f9ac54\r\nx-ratelimit-limit-requests: 10000\r\n"
    b"x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-reset-requests: 6ms\r\nopenai-processing-ms: 194\r\n"
    b"openai-version: 2020-10-01\r\nServer: cloudflare\r\nCF-Cache-Status: DYNAMIC\r\n\r\n"
)
_DICE = random.Random(1)
ANSWER = json.dumps(
    {"choices": [{"message": {"content": " ".join(_DICE.choices(("lazy", "dog", "quick", "fox", "jumps"), k=40_000))}}]}
)


def best(call: Callable[[], object], times: int) -> float:
    """Microseconds per call, of the best round."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - started) / times)
    return min(rounds) * 1e6


def _chunks(size: int) -> bytes:
    one = chunk(b"x" * size)
    return (one * (READ // len(one) + 1))[:READ]


def _dechunk(raw: bytes) -> None:
    ChunkedDecoder().feed(raw)


def _decode(codings: bytes, encoded: bytes) -> None:
    decoder = Decoder(codings)
    for _ in decoder.feed(encoded):
        pass
    decoder.finish()
    assert decoder.state == "read", decoder.reason


async def _new_connections(origin: Origin, count: int, folder: Path) -> float:
    """Microseconds of a new connection, both its ends in this process."""
    certificate, key = self_signed(folder)
    context = client_context({"SSL_CERT_FILE": str(certificate)}) if origin.tls else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        asyncio.Protocol, origin.host, 0, ssl=server_context(certificate, key) if origin.tls else None
    )
    there = Origin(origin.scheme, origin.host, server.sockets[0].getsockname()[1])
    started = time.perf_counter()
    for _ in range(count):
        transport, _ = await connect(loop, there, asyncio.Protocol, ssl_context=context, proxy=None, timeout=5)
        transport.abort()
    seconds = time.perf_counter() - started
    server.close()
    await asyncio.sleep(0.05)
    return seconds / count * 1e6


def _rows() -> Iterator[tuple[str, float]]:
    yield "request head, 17 fields", best(lambda: parse_request_head(REQUEST, 200), 5000)
    yield "response head, 11 fields", best(lambda: parse_response_head(RESPONSE, 1000), 5000)
    yield "Accept-Encoding", best(lambda: accepted(b"gzip, deflate, br, zstd"), 5000)
    for size in (1, 16, 256, 16_384):
        raw = _chunks(size)
        yield f"chunks of {size} bytes, one read", best(partial(_dechunk, raw), 3)
    plain = ANSWER.encode()
    encoded = {
        "gzip": gzip.compress(plain),
        "deflate": zlib.compress(plain),
        "br": brotli.compress(plain, quality=5),
        "zstd": zstandard.compress(plain),
    }
    for name, body in encoded.items():
        decode = partial(_decode, name.encode(), body)
        yield f"{name}, per KiB decoded", best(decode, 20) / len(plain) * 1024
    with tempfile.TemporaryDirectory() as folder:
        for scheme in ("http", "https"):
            connecting = _new_connections(Origin(scheme, "127.0.0.1", 1), 300, Path(folder))
            yield f"new {scheme} connection, both ends", uvloop.run(connecting)


def main() -> None:
    """Measure and print."""
    for name, microseconds in _rows():
        print(f"{name:36} {microseconds:10.2f} µs")


if __name__ == "__main__":
    main()
