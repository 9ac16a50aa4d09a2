"""The request bodies that measurements send: chat requests of 1, 10 and 100 KB, and streams of given length and pace."""

from __future__ import annotations

import json
import random
from pathlib import Path

STREAMS = ((100, 20), (20, 250), (100, 0))
"""Chunks, and milliseconds between them (0: as fast as they go)."""


def filling(length: int) -> str:
    """About `length` characters of made-up words; the same ones each time."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(800)]
    text = ""
    while len(text) < length:
        text += f"{chance.choice(words)} "
    return text[:length]


def chat(length: int, **parameters: object) -> bytes:
    """A chat request with a user message of about `length` characters."""
    system = {"role": "system", "content": "You are a helpful assistant."}
    messages = [system, {"role": "user", "content": filling(length)}]
    return json.dumps({"model": "gpt-4o-mini", "messages": messages, "temperature": 0.7, **parameters}).encode()


def write(folder: Path) -> dict[str, Path]:
    """Write all bodies into a folder; gives their paths by name (`chat_1k`, `sse_100x20` …)."""
    made = {
        "chat_1k": chat(850, max_tokens=128),
        "chat_10k": chat(10_000, max_tokens=128),
        "chat_100k": chat(100_000, max_tokens=128),
        **{f"sse_{count}x{pause}": chat(850, max_tokens=count, seed=pause, stream=True) for count, pause in STREAMS},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in made.items():
        (folder / f"{name}.json").write_bytes(body)
    return {name: folder / f"{name}.json" for name in made}
