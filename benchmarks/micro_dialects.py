"""Microseconds per call of what the dialects do for each request and each chunk; run as `python benchmarks/micro_dialects.py`.

Prints one JSON object a line: name, bytes per call, best of several rounds in µs (rounds are short, so that a busy machine
shows its quiet moments), and µs per KB.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from proxy.dialects import by_name, find
from proxy.dialects.contract import Endpoint, PathParameters
from proxy.dialects.jsonio import inspect_json

ROUNDS = 40
ROUND_SECONDS = 0.01
SENTENCE = 'It was the best of times: it was "the worst" of times.\nWe had everything before us. '

Case = tuple[str, int, Callable[[], object]]


def best(call: Callable[[], object]) -> float:
    """The best mean of a round, in µs."""
    call()
    begin = time.perf_counter()
    call()
    repeats = max(1, int(ROUND_SECONDS / max(time.perf_counter() - begin, 1e-7)))
    means = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        means.append((time.perf_counter() - begin) / repeats)
    return min(means) * 1e6


def conversation(size: int, messages: int) -> dict[str, Any]:
    """A chat request of about `size` bytes."""
    each = size // messages
    text = (SENTENCE * (each // len(SENTENCE) + 1))[: max(each - 40, 1)]
    roles = ("user", "assistant")
    return {
        "model": "gpt-4o",
        "messages": [{"role": roles[number % 2], "content": text} for number in range(messages)],
        "temperature": 0.2,
        "stream": True,
        "max_tokens": 100,
    }


def row(dialect: str, path: str) -> Endpoint:
    """The row a path asks for."""
    found = by_name(dialect).match("POST", path)
    assert found is not None
    return found[0]


def request_cases() -> Iterator[Case]:
    """Inspection and facts of requests of several sizes, by compact and by spacious encoders."""
    read = row("openai", "/v1/chat/completions").read_request
    nowhere = PathParameters()
    for size, messages in ((1_000, 4), (10_000, 40), (100_000, 500)):
        tree = conversation(size, messages)
        for style, raw in (("compact", msgspec.json.encode(tree)), ("spaced", json.dumps(tree).encode())):
            yield f"inspect {size // 1000} KB {style}", len(raw), lambda raw=raw: inspect_json(raw, "utf-8")
        yield f"request facts {size // 1000} KB", len(raw), lambda tree=tree: read(tree, nowhere)
    default = by_name("openai")
    yield "find row, exact", 0, lambda: find(default, "POST", "/v1/chat/completions")
    yield "find row, other prefix", 0, lambda: find(default, "POST", "/compatible-mode/v1/chat/completions")
    gemini = by_name("gemini")
    yield "find row, gemini", 0, lambda: find(gemini, "POST", "/v1beta/models/gemini-2.5-pro:streamGenerateContent")


def delta_cases() -> Iterator[Case]:
    """One streamed delta, facts included."""
    chat = (
        b'data: {"id":"chatcmpl-AbCdEfGhIjKlMn","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06",'
        b'"system_fingerprint":"fp_abcdef0123","choices":[{"index":0,"delta":{"content":" hello"},"logprobs":null,'
        b'"finish_reason":null}],"usage":null}\n\n'
    )
    message = (
        b"event: content_block_delta\n"
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" hello"}}\n\n'
    )
    response = (
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"msg_0123456789",'
        b'"output_index":0,"content_index":0,"delta":" hello","sequence_number":7}\n\n'
    )
    generated = (
        b'data: {"candidates":[{"content":{"parts":[{"text":" hello"}],"role":"model"},"index":0}],"modelVersion":"gemini-2",'
        b'"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4}}\r\n\r\n'
    )
    for name, dialect, path, event in (
        ("chat", "openai", "/v1/chat/completions", chat),
        ("responses", "openai", "/v1/responses", response),
        ("messages", "anthropic", "/v1/messages", message),
        ("generate", "gemini", "/v1beta/models/g:streamGenerateContent", generated),
    ):
        answer = row(dialect, path).answer
        reader, pieces = answer("sse", False), answer("sse", False)
        yield f"{name} delta", len(event), lambda reader=reader, event=event: reader.feed(event)
        yield (
            f"{name} delta in two pieces",
            len(event),
            lambda pieces=pieces, event=event: (pieces.feed(event[:90]), pieces.feed(event[90:])),
        )
    whole = row("openai", "/v1/chat/completions").answer
    raw = msgspec.json.encode(
        {
            "id": "chatcmpl-1",
            "model": "gpt-4o",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": SENTENCE * 8}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
        }
    )

    def read_whole() -> object:
        reader = whole("json", False)
        reader.feed(raw)
        return reader.facts()

    yield "chat answer whole", len(raw), read_whole


def main() -> None:
    """Print every case."""
    for cases in (request_cases(), delta_cases()):
        for name, size, call in cases:
            cost = best(call)
            per_kb = round(cost / size * 1024, 2) if size else None
            print(json.dumps({"name": name, "bytes": size, "us": round(cost, 2), "us_per_kb": per_kb}))


if __name__ == "__main__":
    main()
