"""The curl command: what its users do by hand, and what they see (protocol: `recording`). Takes the base URL of each run.

The base URL is the gateway's part before a provider's paths, as the SDKs get it for OpenAI (`…/v1`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

JSON = ("-H", "content-type: application/json", "-H", "authorization: Bearer sk-journey-openai")


def chat(script: str, **more: Any) -> str:
    """A chat request's body."""
    return json.dumps({"model": "gpt-5.2", "messages": [{"role": "user", "content": f"by hand [[script: {script}]]"}], **more})


SCENARIOS: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "models": ("/models", JSON, None),
    "models head": ("/models", ("--head", "--output", "/dev/null", *JSON), None),
    "odd path and query": ("/models/gpt%205.2%C3%A9@v1?limit=1&after=a%20b&%61=&empty=&&plus=a+b|c", JSON, None),
    "unknown path": ("/threads", JSON, None),
    "chat": ("/chat/completions", JSON, chat("")),
    "chat over http 1.0": ("/chat/completions", ("--http1.0", *JSON), chat("words=5 framing=length")),
    "chat with expect": ("/chat/completions", ("-H", "expect: 100-continue", *JSON), chat("") + " " * 2_000_000),
    "chat with chunked upload": ("/chat/completions", ("-H", "transfer-encoding: chunked", *JSON), chat("words=6")),
    "chat with many headers": (
        "/chat/completions",
        ("-H", "X-Twice: a", "-H", "x-twice: b", "-H", "X-Empty;", *JSON),
        chat("words=7"),
    ),
    "chat with api-key": (
        "/chat/completions",
        ("-H", "content-type: application/json", "-H", "api-key: azure-key"),
        chat("words=8"),
    ),
    "stream": ("/chat/completions", ("-N", *JSON), chat("chunks=9 delay_ms=3", stream=True)),
    "gzip": ("/chat/completions", ("--compressed", *JSON), chat("encoding=gzip")),
    "unasked gzip": ("/chat/completions", JSON, chat("encoding=gzip words=3")),
    "no content": ("/chat/completions", JSON, chat("status=204")),
    "not modified": ("/models", ("-H", "x-script: status=304", *JSON), None),
    "odd status": ("/chat/completions", JSON, chat("status=299")),
    "error": ("/chat/completions", JSON, chat("status=429 retry_after=7")),
    "duplicate headers": ("/chat/completions", JSON, chat("duplicates=3 headers=20 header_bytes=3000")),
    "early hints": ("/chat/completions", JSON, chat("interim=103")),
    "close-delimited": ("/chat/completions", JSON, chat("framing=close")),
    "time-out": ("/chat/completions", ("--max-time", "1.0", *JSON), chat("head_delay_ms=3000")),
    "reset before the head": ("/chat/completions", JSON, chat("fault=reset at=start")),
    "reset in an answer": ("/chat/completions", JSON, chat("fault=reset after_bytes=200")),
    "closed in a stream": ("/chat/completions", ("-N", *JSON), chat("fault=close after_bytes=900", stream=True)),
}


def _head(text: str) -> dict[str, Any]:
    """The last head of curl's header dump; interim ones come before it."""
    lines = text.replace("\r\n", "\n").strip("\n").split("\n\n")[-1].split("\n")
    headers = [[name, value.strip()] for name, _, value in (line.partition(":") for line in lines[1:])]
    return {"status": int(lines[0].split(" ")[1]), "headers": headers}


def run(base_url: str, path: str, options: tuple[str, ...], body: str | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run curl once; gives what it printed, its exit code, and the answer's head."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder, "head")
        command = ["curl", "--silent", "--path-as-is", "--dump-header", str(dump), *options]
        command += ["--data-binary", "@-"] if body is not None else []
        done = subprocess.run(
            [*command, base_url + path], input=(body or "").encode(), capture_output=True, check=False, timeout=60
        )
        head = dump.read_text("latin-1") if dump.exists() else ""
    return {"exit": done.returncode, "printed": done.stdout.decode("latin-1")}, [_head(head)] if head.strip() else []


def main() -> None:
    """Run every scenario against each base URL of the command line."""
    for number, base_url in enumerate(sys.argv[1:]):
        for name, (path, options, body) in SCENARIOS.items():
            result, answers = run(base_url, path, options, body)
            print(json.dumps({"run": number, "scenario": name, "result": result, "answers": answers}))  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
