"""Hosts with an API of their own, by their own SDKs: Cohere, which is recorded whole, and Ollama. Used by `hosts_python`."""

from __future__ import annotations

from typing import Any

import cohere
import httpx
import ollama
from recording import Scenario, Witness, plain

MODEL = "model-1"
WHOLE = {"endpoint": "other", "inspection": "none", "unread": True}


def cohere_scenarios(base_url: str, witness: Witness, key: str) -> dict[str, Scenario]:
    """Chat, embeddings and ranking of Cohere's second version."""
    client = cohere.ClientV2(api_key=key, base_url=base_url, httpx_client=httpx.Client(event_hooks=witness.hooks))

    def messages(script: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": f"hello [[script: {script}]]"}]

    def stream() -> Any:
        seen = [plain(event) for event in client.chat_stream(model=MODEL, messages=messages("chunks=4"))]
        return {"sees": seen, "told": {**WHOLE, "events": len(seen)}}

    def rerank() -> Any:
        seen = plain(client.rerank(model=MODEL, query="which", documents=["one", "two"]))
        return {"sees": seen, "told": {"dialect": "openai", "endpoint": "rerank", "prompts": 2, "model_requested": MODEL}}

    def refused() -> Any:
        try:
            return plain(client.chat(model=MODEL, messages=messages("status=401")))
        except cohere.UnauthorizedError as error:
            return {"raised": type(error).__name__, "status": error.status_code, "body": error.body}  # its text has the headers

    return {
        "chat": lambda: {"sees": plain(client.chat(model=MODEL, messages=messages("words=9"))), "told": WHOLE},
        "stream": stream,
        "embed": lambda: {
            "sees": plain(client.embed(model=MODEL, texts=["a"], input_type="search_query", embedding_types=["float"])),
            "told": WHOLE,
        },
        "rerank": rerank,
        "refused": refused,
    }


def ollama_scenarios(base_url: str, witness: Witness) -> dict[str, Scenario]:
    """Chat, generation, embeddings and models in Ollama's own words."""
    client = ollama.Client(host=base_url, event_hooks=witness.hooks)

    def told(lines: list[dict[str, Any]], endpoint: str, *, stream: bool) -> dict[str, Any]:
        said = [line.get("message") or line for line in lines]
        last = lines[-1]
        return {
            "dialect": "ollama",
            "endpoint": endpoint,
            "model_requested": MODEL,
            "inspection": "full",
            "stream": stream,
            "text_chars": sum(len(each.get("content") or each.get("response") or "") for each in said),
            "reasoning_chars": sum(len(each.get("thinking") or "") for each in said),
            "finish": last["done_reason"],
            "usage": {"input": last["prompt_eval_count"], "output": last["eval_count"]},
        }

    def chat(script: str, *, stream: bool) -> Any:
        messages = [{"role": "user", "content": f"hello [[script: {script}]]"}]
        given: Any = client.chat(model=MODEL, messages=messages, stream=stream, options={"temperature": 0, "num_predict": 9})
        seen = [plain(line) for line in given] if stream else [plain(given)]
        return {"sees": seen, "told": {**told(seen, "chat", stream=stream), "messages": 1}}

    def generate() -> Any:
        seen = [plain(line) for line in client.generate(model=MODEL, prompt="hello [[script: chunks=3]]", stream=True)]
        return {"sees": seen, "told": told(seen, "completions", stream=True)}

    def embed() -> Any:
        seen = plain(client.embed(model=MODEL, input=["a", "b"]))
        return {"sees": seen, "told": {"dialect": "ollama", "endpoint": "embeddings", "prompts": 2, "choices": 2}}

    return {
        "chat": lambda: chat("words=9", stream=False),
        "thought": lambda: chat("reasoning", stream=False),
        "stream": lambda: chat("chunks=5", stream=True),
        "stream thought": lambda: chat("reasoning chunks=3", stream=True),
        "stream by bytes": lambda: chat("chunk_size=3 chunks=2", stream=True),
        "generate": generate,
        "embed": embed,
        "models": lambda: plain(client.list()),
        "refused": lambda: chat("status=404", stream=False),
        "broken stream": lambda: chat("fault=error_event", stream=True),
    }
